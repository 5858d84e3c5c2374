//! Which scenarios a sweep runs: the file with other values in place of its own.

use super::Vary;
use crate::scenario::Scenario;
use gossip_config::{Document, Place, Problem, Problems};

/// Settings whose every combination is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The file as it is.
    pub scenario: Scenario,
    /// One or two settings.
    pub settings: Vec<Vary>,
    /// Each combination of their values, that of the first setting changing last.
    pub variants: Vec<Variant>,
}

/// One combination.
#[derive(Clone, Debug)]
pub struct Variant {
    /// A value for each setting.
    pub values: Vec<String>,
    /// The file with these values.
    pub scenario: Scenario,
}

/// A plot has no colours for more lines than this.
const LINES_MAX: usize = 6;

impl Plan {
    /// Of a scenario file's text; `name` is what messages call it. All mistakes are told at once, one each.
    pub fn new(name: &str, text: &str, settings: Vec<Vary>) -> Result<Self, Vec<String>> {
        let scenario = match Scenario::parse(name, text) {
            Ok((scenario, _)) => scenario,
            Err(error) => return Err(vec![error.to_string()]),
        };
        check(&settings)?;
        let (mut variants, mut mistakes) = (Vec::new(), Vec::<Mistake>::new());
        for values in combinations(&settings) {
            let given: Vec<(&Vary, &str)> = settings.iter().zip(values.iter().map(String::as_str)).collect();
            match variant(name, text, &given) {
                Ok(scenario) => variants.push(Variant { values, scenario }),
                // What is wrong whatever the value is told once.
                Err(told) => told.into_iter().for_each(|mistake| {
                    if !mistakes.iter().any(|known| known.about == mistake.about && known.what == mistake.what) {
                        mistakes.push(mistake);
                    }
                }),
            }
        }
        match mistakes.is_empty() {
            true => Ok(Self { scenario, settings, variants }),
            false => Err(mistakes.into_iter().map(|one| format!("{}: {}", one.options, one.what)).collect()),
        }
    }
}

fn check(settings: &[Vary]) -> Result<(), Vec<String>> {
    match settings {
        [] => Err(vec!["nothing to vary".to_owned()]),
        [_] => Ok(()),
        [one, other] if one.name() == other.name() => Err(vec![format!("--vary {} is there twice", one.name())]),
        [_, second] if second.values.len() > LINES_MAX => Err(vec![format!(
            "--vary {}: {} values are too many for the second setting, which has a line for each; {LINES_MAX} at most \
             would be right, or the other setting in its place",
            second.name(),
            second.values.len()
        )]),
        [_, _] => Ok(()),
        _ => Err(vec!["more than two settings; one or two would be right".to_owned()]),
    }
}

fn combinations(settings: &[Vary]) -> Vec<Vec<String>> {
    settings.iter().fold(vec![Vec::new()], |begun, setting| {
        let longer = |values: &Vec<String>| {
            let values = values.clone();
            setting.values.iter().map(move |value| values.iter().chain([value]).cloned().collect::<Vec<_>>())
        };
        begun.iter().flat_map(longer).collect()
    })
}

/// What is wrong with values.
struct Mistake {
    /// The settings to blame.
    about: Vec<String>,
    /// The same with their values, as on the command line.
    options: String,
    what: String,
}

impl Mistake {
    fn of(given: &[(&Vary, &str)], what: String) -> Self {
        let options: Vec<_> = given.iter().map(|(one, value)| format!("--vary {}={value}", one.name())).collect();
        Self { about: given.iter().map(|(one, _)| one.name()).collect(), options: options.join(" "), what }
    }

    /// Lines are those of a file that nobody sees, so that they are not told.
    fn of_problem(given: &[(&Vary, &str)], problem: &Problem) -> Self {
        let message = &problem.message;
        match &problem.place {
            Place::Line { section: Some(section), key: Some(key), .. } => {
                match given.iter().find(|(one, _)| one.section == *section && one.key == *key) {
                    Some(one) => Self::of(&[*one], message.clone()),
                    None => Self::of(given, format!("[{section}] {key}: {message}")),
                }
            }
            Place::Line { section: Some(section), .. } => Self::of(given, format!("[{section}]: {message}")),
            _ => Self::of(given, message.clone()),
        }
    }
}

/// The file with these values instead of its own, or what is wrong with them.
fn variant(name: &str, text: &str, given: &[(&Vary, &str)]) -> Result<Scenario, Vec<Mistake>> {
    let mut edited = text.to_owned();
    for one in given {
        edited = put(name, &edited, one.0, one.1).map_err(|what| vec![Mistake::of(&[*one], what)])?;
    }
    let told = |problem: &Problem| Mistake::of_problem(given, problem);
    match Scenario::parse(name, &edited) {
        // A key that is only warned of in a file does nothing at all here.
        Ok((scenario, warnings)) => match warnings.iter().filter(|one| is_varied(one, given)).collect::<Vec<_>>() {
            none if none.is_empty() => Ok(scenario),
            some => Err(some.into_iter().map(told).collect()),
        },
        Err(error) => Err(error.mistakes.iter().map(told).collect()),
    }
}

fn is_varied(problem: &Problem, given: &[(&Vary, &str)]) -> bool {
    match &problem.place {
        Place::Line { section: Some(section), key: Some(key), .. } => {
            given.iter().any(|(setting, _)| setting.section == *section && setting.key == *key)
        }
        _ => false,
    }
}

/// The file's text with a value in the place of its own, or in its section if it has none.
fn put(name: &str, text: &str, setting: &Vary, value: &str) -> Result<String, String> {
    let document = Document::parse(name, text);
    let line = format!("{} = {value}", setting.key);
    let mut lines: Vec<String> =
        text.replace("\r\n", "\n").replace('\r', "\n").split('\n').map(str::to_owned).collect();
    let Some(section) = document.section(&setting.section, &mut Problems::new()) else {
        if setting.section != "network" {
            let there: Vec<_> = document.sections().filter(|section| *section != "expect").collect();
            return Err(format!("the file has no section [{}]; it has {}", setting.section, there.join(", ")));
        }
        lines.extend(["[network]".to_owned(), line]);
        return Ok(lines.join("\n"));
    };
    let at = section.place(&setting.key).line().unwrap_or(lines.len());
    if section.has(&setting.key) {
        lines[at - 1] = line;
    } else {
        lines.insert(at, line);
    }
    Ok(lines.join("\n"))
}
