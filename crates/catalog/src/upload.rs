//! Uploads as definitions declare them: which columns a file has, and which operation says what a line
//! asks for. It reads no file, and knows no operations.

use std::collections::BTreeMap;

/// The file that an operation takes.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The operation that a line is a request of: its parts are what is asked for.
    pub line: String,
    /// Lines of a file, the first included.
    pub most_lines: u64,
    columns: Vec<UploadColumn>,
}

#[derive(Clone, Debug)]
struct UploadColumn {
    name: String,
    /// In lower case.
    spelt: Vec<String>,
    is_mandatory: bool,
}

impl Upload {
    /// `columns`: by name, with their other names.
    pub(crate) fn new(
        line: &str,
        most_lines: u64,
        declared: &BTreeMap<String, Vec<String>>,
        mandatory: &[String],
    ) -> Result<Self, String> {
        let mut columns: Vec<UploadColumn> = Vec::new();
        for (name, others) in declared {
            let mut spelt: Vec<String> = others.iter().map(|name| name.to_lowercase()).collect();
            spelt.push(name.to_lowercase());
            let twice = columns.iter().flat_map(|column| &column.spelt);
            if let Some(twice) = twice.into_iter().find(|known| spelt.contains(known)) {
                return Err(format!("upload.columns: `{twice}` names two columns"));
            }
            let is_mandatory = mandatory.contains(name);
            columns.push(UploadColumn {
                name: name.clone(),
                spelt,
                is_mandatory,
            });
        }
        let is_unknown = |name: &&String| !declared.contains_key(*name);
        if let Some(name) = mandatory.iter().find(is_unknown) {
            return Err(format!("upload.mandatory: there is no column `{name}`"));
        }
        Ok(Self {
            line: line.to_owned(),
            most_lines,
            columns,
        })
    }

    /// A column by any of its names, in any case.
    pub fn column(&self, spelt: &str) -> Option<&str> {
        let spelt = spelt.to_lowercase();
        let found = self.columns.iter().find(|c| c.spelt.contains(&spelt));
        found.map(|column| column.name.as_str())
    }

    /// All columns by their own names.
    pub fn names(&self) -> Vec<&str> {
        let names = self.columns.iter().map(|column| column.name.as_str());
        names.collect()
    }

    /// Columns that a file must have.
    pub fn mandatory(&self) -> impl Iterator<Item = &str> {
        let mandatory = self.columns.iter().filter(|column| column.is_mandatory);
        mandatory.map(|column| column.name.as_str())
    }
}
