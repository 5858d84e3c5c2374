//! Configuration files.

use std::fmt;

/// A `[gossip]` section in the making. Ports are 0 and the proof of work is small until it is told otherwise.
#[derive(Clone, Debug)]
pub struct Ini(Vec<(String, String)>);

impl Ini {
    /// What a test network needs.
    pub fn new() -> Self {
        Self(Vec::new())
            .with("cache_size", 50)
            .with("degree", 30)
            .with("p2p_address", "127.0.0.1:0")
            .with("api_address", "127.0.0.1:0")
            .with("pow_bits", 8)
    }

    /// For fixed topologies: nobody but these is dialed.
    pub fn calling_only(bootstrappers: &[impl fmt::Display]) -> Self {
        Self::new().with("discovery", "no").calling(bootstrappers)
    }

    /// Sets the bootstrappers; none for none.
    pub fn calling(self, bootstrappers: &[impl fmt::Display]) -> Self {
        let list: Vec<String> = bootstrappers.iter().map(ToString::to_string).collect();
        if list.is_empty() { self.without("bootstrapper") } else { self.with("bootstrapper", list.join(", ")) }
    }

    /// Sets a key.
    pub fn with(self, key: &str, value: impl fmt::Display) -> Self {
        let mut ini = self.without(key);
        ini.0.push((key.to_owned(), value.to_string()));
        ini
    }

    /// Leaves a key out.
    pub fn without(mut self, key: &str) -> Self {
        self.0.retain(|(other, _)| other != key);
        self
    }

    /// A ready-made file of the repository, its keys and values as they stand there.
    pub fn ready_made(name: &str) -> Self {
        let path = crate::workspace().join("config").join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let section = text.split("[gossip]").nth(1).expect("it has a section [gossip]");
        let lines = section.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(';'));
        let pair =
            |line: &str| line.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
        Self(lines.map(|line| pair(line).expect("each line is key = value")).collect())
    }
}

impl Default for Ini {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Ini {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[gossip]")?;
        self.0.iter().try_for_each(|(key, value)| writeln!(f, "{key} = {value}"))
    }
}
