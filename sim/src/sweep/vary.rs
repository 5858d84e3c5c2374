//! A setting and its values, as the command line has them.

/// A setting to vary, and its values as a scenario file would have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vary {
    /// The file's section, without brackets.
    pub section: String,
    /// The key.
    pub key: String,
    /// The values, in the order given.
    pub values: Vec<String>,
}

const RIGHT: &str = "gossip.degree=2,3,4 would be right";

impl Vary {
    /// Reads `SECTION.KEY=VALUE,VALUE`. Values that have commas themselves are divided by semicolons.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, values) = text.split_once('=').ok_or_else(|| format!("`{text}` has no values; {RIGHT}"))?;
        let (section, key) =
            name.trim().rsplit_once('.').ok_or_else(|| format!("`{name}` names no section; {RIGHT}"))?;
        let (section, key) = (section.trim().to_lowercase(), key.trim().to_lowercase());
        if section == "expect" {
            return Err("what is expected is no setting; vary one of another section".to_owned());
        }
        let divider = if values.contains(';') { ';' } else { ',' };
        let values: Vec<String> = values.split(divider).map(|value| value.trim().to_owned()).collect();
        for (at, value) in values.iter().enumerate() {
            if value.is_empty() {
                return Err(format!("a value of {section}.{key} is empty; {RIGHT}"));
            }
            if value.contains(|c: char| c.is_control() || c == '#') {
                return Err(format!("{} cannot be a value in a file", value.escape_debug()));
            }
            if values[..at].contains(value) {
                return Err(format!("{section}.{key} has the value {value} twice"));
            }
        }
        Ok(Self { section, key, values })
    }

    /// `section.key`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// The option that says it, as a shell takes it.
    pub fn option(&self) -> String {
        let divider = if self.values.iter().any(|value| value.contains(',')) { ";" } else { "," };
        let text = format!("{}={}", self.name(), self.values.join(divider));
        let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "._=,-%:/".contains(c));
        if is_plain { format!("--vary {text}") } else { format!("--vary '{}'", text.replace('\'', r"'\''")) }
    }
}
