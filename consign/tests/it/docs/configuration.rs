//! The page of settings, from the commented default file. A comment belongs to the settings that
//! follow it, up to the next comment or section.

use consign::settings::DEFAULTS;

const HEAD: &str = "\
# Settings

Each with its default. `consign config show` prints what is in force and where it came from, `consign config check` tries a file, and
`consign config show --defaults > consign.toml` is a file to start from. Made from that file by `cargo run -p xtask -- docs`.
";
const TABLE: &str = "\n| setting | default | what it is for |\n| --- | --- | --- |\n";

/// What is being read.
#[derive(Default)]
struct Page {
    text: String,
    section: String,
    comment: Vec<String>,
    /// Settings since the comment.
    settings: usize,
    in_table: bool,
}

pub fn page() -> String {
    let mut page = Page::default();
    for line in DEFAULTS.lines() {
        page.line(line);
    }
    page.prose();
    format!("{HEAD}{}", page.text)
}

impl Page {
    fn line(&mut self, line: &str) {
        if line.is_empty() {
            self.prose();
        } else if let Some(section) = line.strip_prefix('[') {
            self.prose();
            self.section = section.trim_end_matches(']').to_owned();
            self.in_table = false;
            self.text += &format!("\n## `{}`\n", self.section);
        } else if let Some((name, value)) = setting(line) {
            self.setting(name, &value);
        } else {
            if self.settings > 0 {
                (self.comment, self.settings) = (Vec::new(), 0);
            }
            let words = line.trim_start_matches('#');
            self.comment
                .push(words.strip_prefix(' ').unwrap_or(words).to_owned());
        }
    }

    /// A comment that no setting followed.
    fn prose(&mut self) {
        if self.settings == 0 && !self.comment.is_empty() {
            let lines = self.comment.join("\n");
            self.text += &format!("\n```text\n{lines}\n```\n");
        }
        (self.comment, self.settings) = (Vec::new(), 0);
    }

    fn setting(&mut self, name: &str, value: &str) {
        if !self.in_table {
            self.text += TABLE;
            self.in_table = true;
        }
        let key = if self.section.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.section)
        };
        let words = if self.settings == 0 {
            self.comment.join(" ").replace('|', "\\|")
        } else {
            "(the same)".to_owned()
        };
        self.text += &format!("| `{key}` | {value} | {words} |\n");
        self.settings += 1;
    }
}

/// `name = value`, or `#name = value` where there is no default.
fn setting(line: &str) -> Option<(&str, String)> {
    let example = line.strip_prefix('#');
    let (name, value) = example.unwrap_or(line).split_once(" = ")?;
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return None;
    }
    let shown = match (example, value) {
        (None, _) => format!("`{value}`"),
        (Some(_), "\"\"") => "not set".to_owned(),
        (Some(_), _) => format!("not set; as in `{value}`"),
    };
    Some((name, shown))
}
