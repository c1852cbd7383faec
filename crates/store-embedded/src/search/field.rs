//! A field's name in a query, to the paths where its values stand and what an index would make of
//! them there.

use super::{Context, bad, unsupported};
use store::{
    StoreError,
    mapping::{
        Analyzer, Dynamic, Field, Found, Kind, Mapping, TermScoring, TextOptions, coerce::Reader,
        date::DateFormat, is_metadata, point::Leniency,
    },
};

/// How the values at a path are indexed.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Id,
    /// Longer texts (in UTF-16 units) are not indexed.
    Keyword {
        ignore_above: Option<usize>,
        lowercase: bool,
    },
    Text(TextOptions),
    Whole {
        least: i64,
        greatest: i64,
    },
    Double,
    Float,
    HalfFloat,
    Boolean,
    Date(Vec<DateFormat>),
    GeoPoint(Leniency),
    Ip,
    /// The leaves of an object, as keywords.
    Leaves {
        ignore_above: Option<usize>,
    },
    Object,
    /// Not mapped: what the value itself tells. Strings are text, or dates where they look like
    /// dates.
    Guessed {
        dates: bool,
    },
    /// The `.keyword` that an index adds to a string that is not mapped.
    GuessedKeyword,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Where the values stand: the field itself, and fields that are copied to it.
    pub paths: Vec<String>,
    pub kind: Type,
    /// What stands for an explicit `null`.
    pub null: Option<serde_json::Value>,
    pub index: bool,
    pub doc_values: bool,
    pub store: bool,
    pub split: bool,
    /// Only where there are doc values can be told whether text has them.
    pub is_mapped: bool,
    pub coerce: bool,
    pub ignore_malformed: bool,
    /// It is a key of a flattened field.
    pub is_key: bool,
    /// Which flattened field it is a key of.
    pub root: String,
    /// What is copied to a key of the flattened field: the key, and where the values stand.
    pub keyed_copies: Vec<(String, String)>,
    pub relevance: TermScoring,
    /// Those of the paths whose fractions were read with 32 bits before they were copied.
    pub short: Vec<String>,
}

impl Source {
    /// A field that is nowhere, of the type that a sort gives it.
    pub fn unmapped(kind: &str) -> Option<Self> {
        let whole = |least, greatest| Type::Whole { least, greatest };
        let kind = match kind {
            "long" => whole(i64::MIN, i64::MAX),
            "integer" => whole(i32::MIN.into(), i32::MAX.into()),
            "short" => whole(i16::MIN.into(), i16::MAX.into()),
            "byte" => whole(i8::MIN.into(), i8::MAX.into()),
            "double" => Type::Double,
            "float" => Type::Float,
            "half_float" => Type::HalfFloat,
            "boolean" => Type::Boolean,
            "date" => Type::Date(DateFormat::read(None)),
            "ip" => Type::Ip,
            "keyword" => Type::Keyword {
                ignore_above: None,
                lowercase: false,
            },
            _ => return None,
        };
        let mut source = Self::of("", kind);
        source.paths.clear();
        Some(source)
    }

    fn of(path: &str, kind: Type) -> Self {
        let is_text = matches!(kind, Type::Text(_) | Type::Guessed { .. });
        Self {
            paths: vec![path.to_owned()],
            kind,
            null: None,
            index: true,
            doc_values: true,
            store: false,
            split: false,
            is_mapped: false,
            coerce: true,
            ignore_malformed: false,
            is_key: false,
            root: String::new(),
            keyed_copies: Vec::new(),
            relevance: TermScoring {
                norms: is_text,
                frequencies: is_text,
                is_boolean: false,
            },
            short: Vec::new(),
        }
    }

    /// How texts are read as numbers.
    pub fn reader(&self) -> Reader {
        match self.kind {
            Type::Whole {
                greatest: i64::MAX, ..
            } => Reader::Exact,
            _ => Reader::Float,
        }
    }

    /// Values can be looked for at all.
    pub fn is_searchable(&self) -> bool {
        match self.kind {
            _ if self.is_key => self.index,
            Type::Text(_) | Type::Leaves { .. } => self.index,
            _ => self.index || self.doc_values,
        }
    }
}

/// How much of a dynamic string's `.keyword` is indexed, in UTF-16 units.
pub const GUESSED_KEYWORD: usize = 256;

/// The places of a field as the documents see it that are asked: of nested objects nothing is seen
/// from outside, and from inside nothing else.
pub fn resolve_in(
    context: &Context<'_>,
    name: &str,
    clause: &str,
    pointer: &str,
) -> Result<Vec<Source>, StoreError> {
    let mapping = context.mapping;
    if name == "_id" {
        return resolve_field(mapping, name, clause, pointer);
    }
    let name = match mapping.find_within(name, name) {
        Found::Field(Field {
            kind: Kind::Alias(path),
            ..
        }) => path,
        _ => name,
    };
    let around = mapping.nested_around(name);
    let copying = around.iter().find_map(|(_, field)| field.special.as_ref());
    if let Some(special) = copying {
        let what = format!("{clause} on nested objects with `{special}`");
        return Err(unsupported(what, pointer));
    }
    let nested = around.last().map(|(path, _)| path.as_str());
    let mut sources = match mapping.find_within(name, name) {
        Found::Field(field) if matches!(field.kind, Kind::Nested(_)) => {
            vec![Source::of(name, Type::Object)]
        }
        _ => resolve_within(mapping, name, nested.unwrap_or(""), clause, pointer)?,
    };
    if nested != context.nested.as_deref() {
        for source in &mut sources {
            source.paths.clear();
            source.keyed_copies.clear();
        }
    }
    Ok(sources)
}

/// The places of a field; none where nothing can be there. `clause` and `pointer` are for what
/// cannot be told.
pub fn resolve_field(
    mapping: &Mapping,
    name: &str,
    clause: &str,
    pointer: &str,
) -> Result<Vec<Source>, StoreError> {
    resolve_within(mapping, name, "", clause, pointer)
}

fn resolve_within(
    mapping: &Mapping,
    name: &str,
    nested: &str,
    clause: &str,
    pointer: &str,
) -> Result<Vec<Source>, StoreError> {
    let refuse = |what: &str| unsupported(format!("{clause} on {what}"), pointer);
    if name == "_id" {
        return Ok(vec![Source::of(name, Type::Id)]);
    }
    if is_metadata(name) {
        return Err(refuse(&format!("`{name}`")));
    }
    if name.contains('*') {
        return Err(refuse("a pattern of fields"));
    }
    if mapping.guesses
        && matches!(
            mapping.find_within(name, nested),
            Found::Unmapped(Dynamic::True)
        )
    {
        return Err(refuse(
            "a field that dynamic templates or numeric detection map",
        ));
    }
    match mapping.find_within(name, nested) {
        Found::Field(field) => match &field.kind {
            Kind::Alias(path) => resolve_field(mapping, path, clause, pointer),
            _ => mapped_sources(mapping, field, name, clause, pointer),
        },
        Found::Sub { parent, .. } if is_point(mapping, &parent) => {
            Err(refuse("a sub-field of a point"))
        }
        Found::Sub { field, parent } => mapped_sources(mapping, field, &parent, clause, pointer),
        Found::Key { field } => {
            let mut sources = mapped_sources(mapping, field, name, clause, pointer)?;
            for source in &mut sources {
                source.kind = leaf_type(&source.kind);
                source.is_key = true;
                source.root = flattened_root(mapping, name);
                source.keyed_copies = keyed_copies(mapping, &source.root);
            }
            Ok(sources)
        }
        Found::Unmapped(Dynamic::False | Dynamic::Strict) => Ok(Vec::new()),
        Found::Unmapped(Dynamic::Runtime) => Err(refuse("a runtime field")),
        Found::Unmapped(Dynamic::True) => {
            let parent = name.strip_suffix(".keyword").unwrap_or(name);
            if !mapping.copied_to(name).is_empty() || !mapping.copied_to(parent).is_empty() {
                // The first value that was copied gave it its type.
                return Err(refuse("a field that is copied to and not mapped"));
            }
            let dates = mapping.date_detection;
            let guessed = Source::of(name, Type::Guessed { dates });
            let mut sources = vec![guessed];
            if let Some(parent) = name.strip_suffix(".keyword")
                && matches!(
                    mapping.find_within(parent, nested),
                    Found::Unmapped(Dynamic::True)
                )
            {
                sources.push(Source::of(parent, Type::GuessedKeyword));
            }
            Ok(sources)
        }
    }
}

/// The flattened field that a path leads into.
fn flattened_root(mapping: &Mapping, path: &str) -> String {
    let dots = path.match_indices('.').map(|(dot, _)| &path[..dot]);
    let is_root = |path: &&str| matches!(mapping.find_within(path, path), Found::Field(field) if matches!(field.kind, Kind::Flattened { .. }));
    dots.into_iter().find(is_root).unwrap_or(path).to_owned()
}

fn keyed_copies(mapping: &Mapping, root: &str) -> Vec<(String, String)> {
    let mut copies = mapping.copied_below(root);
    copies.retain(|(_, from)| !mapping.is_disabled(from));
    copies
}

fn is_point(mapping: &Mapping, path: &str) -> bool {
    matches!(mapping.find_within(path, path), Found::Field(field) if matches!(field.kind, Kind::GeoPoint { .. }))
}

/// A key of a flattened field: the values right there, not those of objects below.
fn leaf_type(kind: &Type) -> Type {
    match kind {
        Type::Leaves { ignore_above } => Type::Keyword {
            ignore_above: *ignore_above,
            lowercase: false,
        },
        other => other.clone(),
    }
}

fn mapped_sources(
    mapping: &Mapping,
    field: &Field,
    path: &str,
    clause: &str,
    pointer: &str,
) -> Result<Vec<Source>, StoreError> {
    let mut source = Source::of(path, field_type(field, clause, pointer)?);
    source.paths.extend(mapping.copied_to(path));
    source.paths.retain(|path| !mapping.is_disabled(path));
    if matches!(source.kind, Type::Leaves { .. }) {
        source.keyed_copies = keyed_copies(mapping, path);
    }
    if source.kind == Type::Double {
        let is_short = |path: &&String| {
            matches!(mapping.find(path), Found::Field(from)
                if matches!(from.kind, Kind::Float | Kind::HalfFloat))
        };
        source.short = source.paths.iter().filter(is_short).cloned().collect();
    }
    source.null.clone_from(&field.null_value);
    (source.index, source.doc_values) = (field.index, field.doc_values);
    (source.store, source.split) = (field.store, field.split);
    (source.is_mapped, source.coerce) = (true, field.coerce);
    source.ignore_malformed = field.ignore_malformed;
    source.relevance = field.scoring;
    Ok(vec![source])
}

fn field_type(field: &Field, clause: &str, pointer: &str) -> Result<Type, StoreError> {
    let refuse = |what: String| unsupported(format!("{clause} on {what}"), pointer);
    if let Some(special) = &field.special {
        return Err(refuse(format!("a field with `{special}`")));
    }
    Ok(match &field.kind {
        Kind::Keyword { ignore_above } => Type::Keyword {
            ignore_above: *ignore_above,
            lowercase: field.lowercase,
        },
        Kind::Text if field.text.analyzer == Analyzer::Other => {
            return Err(refuse("a field with `analyzer`".to_owned()));
        }
        Kind::Text => Type::Text(field.text.clone()),
        Kind::Whole { least, greatest } => Type::Whole {
            least: *least,
            greatest: *greatest,
        },
        Kind::Double => Type::Double,
        Kind::Float => Type::Float,
        Kind::HalfFloat => Type::HalfFloat,
        Kind::Boolean => Type::Boolean,
        Kind::Date(formats) => {
            let is_unknown = |format: &DateFormat| matches!(format, DateFormat::Unknown(_));
            if formats.iter().any(is_unknown) {
                return Err(refuse("a date of a format of its own".to_owned()));
            }
            Type::Date(formats.clone())
        }
        Kind::GeoPoint { ignore_z } => Type::GeoPoint(Leniency {
            ignore_z: *ignore_z,
            ignore_malformed: field.ignore_malformed,
        }),
        Kind::Ip => Type::Ip,
        Kind::Flattened { ignore_above, .. } => Type::Leaves {
            ignore_above: *ignore_above,
        },
        Kind::Object(_) => Type::Object,
        Kind::Nested(_) => return Err(refuse("a field of type `nested`".to_owned())),
        Kind::Alias(_) => return Err(refuse("an alias of an alias".to_owned())),
        Kind::Flat(_) => return Err(refuse("a field with `subobjects: false`".to_owned())),
        Kind::Other(name) => return Err(refuse(format!("a field of type `{name}`"))),
    })
}

/// An index refuses to look for values that it has neither indexed nor kept.
pub fn expect_searchable(source: &Source, name: &str, at: &str) -> Result<(), StoreError> {
    if source.is_searchable() {
        return Ok(());
    }
    Err(bad(
        format!("`{name}` is not indexed, so it cannot be searched"),
        at,
    ))
}
