//! From a file's words to listening sockets, and what the log says first.

use crate::{BindError, Listeners};
use gossip_config::Config;
use gossip_core::{Addresses, Endpoint, Settings};
use std::io::ErrorKind;
use std::net::{SocketAddr, ToSocketAddrs};

/// What a daemon with this file would do, for `--check`.
pub(super) fn plan(config: &Config) -> String {
    let advertised = match config.advertised_address.as_slice() {
        [] => String::new(),
        addresses => format!("It would tell peers to find it at {}.\n", list(addresses)),
    };
    let status = match &config.status_address {
        None => String::new(),
        Some(address) => format!("This host could look inside at http://{address}/.\n"),
    };
    format!(
        "It would listen for modules on {} and for peers on {}.\n{advertised}{status}It would {}.",
        config.api_address,
        list(&config.p2p_address),
        calls(&config.settings),
    )
}

/// Opens the listening sockets that the file asks for.
pub(super) fn listen(config: &Config, listeners: &mut Listeners) -> Result<(), String> {
    let peers = config.p2p_address.iter().map(|endpoint| ("p2p_address", endpoint));
    let status = config.status_address.iter().map(|endpoint| ("status_address", endpoint));
    for (key, endpoint) in peers.chain([("api_address", &config.api_address)]).chain(status) {
        let bind = |address| match key {
            "api_address" => listeners.bind_api(address),
            // One is enough, though localhost may be of two families.
            "status_address" => listeners.status_address().map_or_else(|| listeners.bind_status(address), Ok),
            _ => listeners.bind_p2p(address),
        };
        let refused = bind_all(addresses_of(key, endpoint)?, bind);
        refused.map_err(|error| format!("{}: {error}", config.place(key)))?;
    }
    Ok(())
}

/// `advertised_address`, looked up.
pub(super) fn advertised(config: &Config) -> Result<Addresses, String> {
    let mut advertised = Addresses::default();
    for endpoint in &config.advertised_address {
        addresses_of("advertised_address", endpoint)?.into_iter().for_each(|address| advertised.set(address));
    }
    Ok(advertised)
}

/// The log's first lines: where this node can be found, and whom it will call.
pub(super) fn introduce(api: &[SocketAddr], status: Option<SocketAddr>, settings: &Settings) {
    log::info!("gossipd {}", env!("CARGO_PKG_VERSION"));
    for address in api {
        log::info!("listening for modules on {address} (api_address)");
        if !address.ip().to_canonical().is_loopback() {
            log::warn!(
                "api_address {address} can be reached from other hosts: whoever connects there is trusted like a \
                 module of this one"
            );
        }
    }
    for address in settings.p2p_address.iter() {
        match settings.own_address(&address) {
            Some(own) if own != address => {
                log::info!("listening for peers on {address} (p2p_address), told to find this node at {own}");
            }
            _ => log::info!("listening for peers on {address} (p2p_address)"),
        }
    }
    if let Some(address) = status {
        log::info!("this host can look inside at http://{address}/ (status_address)");
    }
    log::info!("going to {}", calls(settings));
}

/// Binds all of these. Of several addresses that a name has, one that this host cannot have (its other family is
/// switched off, say) is left out as long as another can be had.
fn bind_all(
    addresses: Vec<SocketAddr>,
    mut bind: impl FnMut(SocketAddr) -> Result<SocketAddr, BindError>,
) -> Result<(), BindError> {
    let mut left_out = None;
    let mut bound = 0;
    for address in addresses {
        match bind(address) {
            Ok(_) => bound += 1,
            Err(error) if matches!(error.error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported) => {
                left_out = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match left_out {
        Some(error) if bound == 0 => Err(error),
        Some(error) => {
            log::warn!("{error}; left out");
            Ok(())
        }
        None => Ok(()),
    }
}

/// The first address of each family, in the resolver's order.
fn addresses_of(key: &str, endpoint: &Endpoint) -> Result<Vec<SocketAddr>, String> {
    let (host, port) = match endpoint {
        Endpoint::Address(address) => return Ok(vec![*address]),
        Endpoint::Name { host, port } => (host, *port),
    };
    let found =
        (host.as_str(), port).to_socket_addrs().map_err(|error| format!("cannot look up {host} ({key}): {error}"))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if addresses.iter().all(|other| other.is_ipv4() != address.is_ipv4()) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(format!("{host} ({key}) has no address")) } else { Ok(addresses) }
}

fn calls(settings: &Settings) -> String {
    match settings.bootstrapper.as_slice() {
        [] => "wait to be called (no bootstrapper)".to_owned(),
        endpoints => format!("call {}", list(endpoints)),
    }
}

fn list(endpoints: &[Endpoint]) -> String {
    endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
