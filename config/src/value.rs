//! What a value's text means. Every error says what is wrong and what would be right.

use crate::report::{printable, shown};
use gossip_core::Endpoint;
use gossip_core::time::Duration;
use rapidfuzz::distance::osa;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::ops::RangeInclusive;

const ENDPOINT_FORMS: &str = "IPv4:port, [IPv6]:port or name:port";
/// What a status address can be.
pub(crate) const STATUS_FORMS: &str = "127.0.0.1:port, [::1]:port or localhost:port";
/// DNS's bound on a whole name and on each of its labels (RFC 1035, 2.3.4).
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// A whole number within `range`.
pub(crate) fn integer(text: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let right = format!("{} to {} would be right", range.start(), range.end());
    number_within(text, &range, "a whole number", &right)
}

/// A whole number of seconds within `range`.
pub(crate) fn seconds(text: &str, range: RangeInclusive<u64>) -> Result<Duration, String> {
    let right = format!("{} to {} would be right", range.start(), range.end());
    number_within(text, &range, "a whole number of seconds", &right).map(Duration::from_secs)
}

/// A number of bytes within `range`, perhaps with a unit.
pub(crate) fn bytes(text: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let right = format!("{} to {} would be right", in_bytes(*range.start()), in_bytes(*range.end()));
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" => Some(0),
        "k" | "kib" => Some(10),
        "m" | "mib" => Some(20),
        "g" | "gib" => Some(30),
        "t" | "tib" => Some(40),
        _ => None,
    };
    match shift {
        Some(shift) if !digits.is_empty() => {
            let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
            match number {
                Some(number) if range.contains(&number) => Ok(number),
                _ => Err(format!("{} is out of range; {right}", shown(text))),
            }
        }
        _ => Err(not_right(text, "a number of bytes, perhaps with K, M or G", &right)),
    }
}

/// yes or no.
pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => Ok(true),
        "no" | "false" | "off" => Ok(false),
        _ => Err(not_right(text, "a switch", "yes or no would be right")),
    }
}

/// One of `words`.
pub(crate) fn choice(text: &str, words: &[&str]) -> Result<usize, String> {
    let lower = text.to_ascii_lowercase();
    words.iter().position(|&word| word == lower).ok_or_else(|| {
        let hint = nearest(&lower, words.iter().copied()).filter(|word| is_near(&lower, word));
        let hint = hint.map_or(String::new(), |word| format!(" (is {word} meant?)"));
        not_right(text, "known here", &format!("one of {} would be right{hint}", words.join(", ")))
    })
}

/// Text that is not empty, without quotes around it.
pub(crate) fn text(text: &str) -> Result<&str, String> {
    if text.is_empty() {
        return Err("has no value".to_owned());
    }
    match unquoted(text) {
        Some(inner) => {
            let right = printable(inner);
            Err(format!("{} has quotes around it; without them would be right: {right}", shown(text)))
        }
        None => Ok(text),
    }
}

/// `IPv4:port`, `[IPv6]:port` or `name:port`.
pub(crate) fn endpoint(text: &str) -> Result<Endpoint, String> {
    let wrong = |what: &str| format!("{} {what}; {ENDPOINT_FORMS} would be right", shown(text));
    if text.is_empty() {
        return Err(format!("has an empty place where an address should be; {ENDPOINT_FORMS} would be right"));
    }
    if unquoted(text).is_some() {
        return Err(wrong("has quotes around it"));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(format!("{} is IPv6 without brackets and port; [IPv6]:port would be right", shown(text)));
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(wrong("has no port"));
    };
    if port.is_empty() || port.ends_with(']') {
        return Err(wrong("has no port"));
    }
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong(&format!("has {} where a port should be", shown(port))));
    }
    let Ok(port) = port.parse::<u16>() else {
        return Err(format!("{} has a port out of range; 1 to 65535 would be right", shown(text)));
    };
    match host.strip_prefix('[') {
        Some(_) => match text.parse::<SocketAddrV6>() {
            Ok(address) => match address.ip().to_ipv4_mapped() {
                Some(v4) => Err(format!("{} is IPv4 written as IPv6; {v4}:{port} would be right", shown(text))),
                None => Ok(Endpoint::Address(SocketAddr::V6(address))),
            },
            Err(_) => Err(wrong("is not an IPv6 address")),
        },
        None if host.contains(':') => Err(wrong("has colons, but no brackets around an IPv6 address")),
        None => match host.parse::<Ipv4Addr>() {
            Ok(ip) => Ok(Endpoint::Address(SocketAddr::from((ip, port)))),
            Err(_) if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
                Err(wrong("is not an IPv4 address"))
            }
            Err(_) if is_name(host) => Ok(Endpoint::Name { host: host.to_owned(), port }),
            Err(_) => Err(wrong("is not a host name with a port")),
        },
    }
}

/// Where the daemon can be looked into: an address that only this host can reach, since whoever reaches it is told
/// everything.
pub(crate) fn status_endpoint(value: &str) -> Result<Endpoint, String> {
    let value = text(value)?;
    if value.contains(',') {
        return Err("has more than one address; one would be right".to_owned());
    }
    let endpoint = endpoint(value)?;
    let is_loopback = match &endpoint {
        Endpoint::Address(address) => address.ip().is_loopback(),
        Endpoint::Name { host, .. } => host.eq_ignore_ascii_case("localhost"),
    };
    if is_loopback {
        return Ok(endpoint);
    }
    let shown = shown(value);
    Err(format!("{shown} may be reached from other hosts, which must not look inside; {STATUS_FORMS} would be right"))
}

/// The one of `known` that is most like `word`, by what a name could be as long as: whoever writes pages where a key
/// should be is not to be waited for. Of several, the first.
pub(crate) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    const LONGEST: usize = 24;
    let word = osa::BatchComparator::new(word.chars().take(LONGEST));
    known.min_by_key(|other| word.distance(other.chars()))
}

/// Could `other` be a slip of the pen for `word`?
pub(crate) fn is_near(word: &str, other: &str) -> bool {
    let (len, other_len) = (word.chars().count(), other.chars().count());
    let most = (len.max(other_len) / 3).max(1);
    len.abs_diff(other_len) <= most && osa::distance(word.chars(), other.chars()) <= most
}

/// Bytes with the largest unit that leaves no rest.
pub(crate) fn in_bytes(bytes: u64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{} {unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

fn number_within(text: &str, range: &RangeInclusive<u64>, what: &str, right: &str) -> Result<u64, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(not_right(text, what, right));
    }
    // What does not parse is negative or beyond 64 bits.
    match text.parse::<u64>() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("{} is out of range; {right}", shown(text))),
    }
}

fn not_right(text: &str, what: &str, right: &str) -> String {
    match (text.is_empty(), unquoted(text)) {
        (true, _) => format!("has no value; {right}"),
        (_, Some(_)) => format!("{} has quotes around it; {right}, without quotes", shown(text)),
        _ => format!("{} is not {what}; {right}", shown(text)),
    }
}

/// What is within a pair of quotes.
fn unquoted(text: &str) -> Option<&str> {
    ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
}

fn is_name(host: &str) -> bool {
    let labels = host.strip_suffix('.').unwrap_or(host);
    labels.len() <= NAME_MAX
        && labels.split('.').all(|label| {
            (1..=LABEL_MAX).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}
