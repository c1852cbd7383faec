//! The committed figures: a stage and its instructions a line. Nothing but text.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use anyhow::{Context, Result};

/// What a stage may cost more than is written, in hundredths.
const TOLERANCE: u64 = 3;

/// See the module's header.
pub(super) struct WrittenFigures(BTreeMap<String, u64>);

/// What a count is beside its figure.
#[derive(Debug, PartialEq)]
pub(super) enum CountJudgement {
    Same,
    /// By so many hundredths: more than the tolerance.
    Dearer(f64),
    Cheaper(f64),
    /// Nothing is written of it.
    New,
}

impl WrittenFigures {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let figure = |line: &str| {
            let (name, figure) = line
                .split_once('\t')
                .context("a line is a stage and a number")?;
            let figure = figure
                .parse()
                .with_context(|| format!("`{figure}` is no number"))?;
            Ok((name.to_owned(), figure))
        };
        lines.map(figure).collect::<Result<_>>().map(Self)
    }

    pub(super) fn get(&self, stage: &str) -> Option<u64> {
        self.0.get(stage).copied()
    }

    pub(super) fn judge(&self, stage: &str, counted: u64) -> CountJudgement {
        let Some(written) = self.get(stage) else {
            return CountJudgement::New;
        };
        let percent = (counted as f64 / written as f64 - 1.0) * 100.0;
        let beyond = counted.abs_diff(written) * 100 > written * TOLERANCE;
        match (beyond, counted > written) {
            (false, _) => CountJudgement::Same,
            (true, true) => CountJudgement::Dearer(percent),
            (true, false) => CountJudgement::Cheaper(-percent),
        }
    }

    /// False if a figure is written of a stage that there is not.
    pub(super) fn name_the_unknown(&self, counted: &BTreeMap<String, u64>) -> bool {
        let unknown = self.0.keys().filter(|name| !counted.contains_key(*name));
        let unknown: Vec<_> = unknown.collect();
        for name in &unknown {
            println!("{name:<16} a figure is written, and there is no such stage");
        }
        unknown.is_empty()
    }

    /// `whole`: what was not counted goes.
    pub(super) fn replace(&mut self, counted: BTreeMap<String, u64>, whole: bool) {
        if whole {
            self.0.clear();
        }
        self.0.extend(counted);
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let mut text = String::from(HEAD);
        for (name, figure) in &self.0 {
            text.push_str(&format!("{name}\t{figure}\n"));
        }
        fs::write(path, text).with_context(|| path.display().to_string())
    }
}

const HEAD: &str =
    "# Instructions of one event in each stage, counted by `cargo run -p xtask -- instructions`.\n";

impl fmt::Display for CountJudgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => Ok(()),
            Self::Dearer(percent) => write!(f, "FAILED: {percent:.1} % more"),
            Self::Cheaper(percent) => {
                write!(f, "{percent:.1} % less: worth writing down")
            }
            Self::New => write!(f, "FAILED: no figure is written"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CountJudgement, WrittenFigures};

    #[test]
    fn a_count_is_judged_by_its_figure() {
        let figures = WrittenFigures::parse("# a comment\nscan\t1000\n").unwrap();
        assert_eq!(figures.judge("scan", 1_030), CountJudgement::Same);
        assert!(matches!(
            figures.judge("scan", 1_031),
            CountJudgement::Dearer(_)
        ));
        assert_eq!(figures.judge("scan", 970), CountJudgement::Same);
        assert!(matches!(
            figures.judge("scan", 900),
            CountJudgement::Cheaper(_)
        ));
        assert_eq!(figures.judge("plan", 1), CountJudgement::New);
    }

    #[test]
    fn a_figure_without_a_stage_is_named() {
        let figures = WrittenFigures::parse("scan\t1000\n").unwrap();
        assert!(!figures.name_the_unknown(&[].into()));
        assert!(figures.name_the_unknown(&[("scan".to_owned(), 1)].into()));
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figures.tsv");
        let mut figures = WrittenFigures::parse("gone\t7\nkept\t8\n").unwrap();
        figures.replace([("scan".to_owned(), 9)].into(), false);
        figures.write(&path).unwrap();
        let mut again = WrittenFigures::read(&path).unwrap();
        assert_eq!((again.get("kept"), again.get("scan")), (Some(8), Some(9)));
        again.replace([("scan".to_owned(), 10)].into(), true);
        assert_eq!((again.get("kept"), again.get("scan")), (None, Some(10)));
        assert!(WrittenFigures::parse("scan one").is_err());
    }
}
