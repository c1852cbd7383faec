//! How many fields a mapping may have, how deep its objects may lie, how long names may be: an index
//! refuses a mapping beyond that when it is made. Must never count more than an index does.

use super::{BadMapping, Fields, Kind, Mapping, bad_mapping, path_below};
use crate::cell::join_pointer;

/// A place in a mapping: where the object stands, and its dotted path.
#[derive(Clone, Copy)]
struct ObjectPlace<'p> {
    at: &'p str,
    path: &'p str,
}

impl Mapping {
    pub(super) fn check_limits(&self) -> Result<(), BadMapping> {
        let limits = &self.settings;
        if self.mapped > limits.total_fields {
            let why = format!(
                "it has more fields than the limit of {}",
                limits.total_fields
            );
            return Err(bad_mapping("/properties", &why));
        }
        let mut nested = 0;
        let top = ObjectPlace { at: "", path: "" };
        self.check_object(&self.root, top, &mut nested)?;
        if nested > limits.nested_fields {
            let limit = limits.nested_fields;
            let why = format!("it has more nested fields than the limit of {limit}");
            return Err(bad_mapping("/properties", &why));
        }
        Ok(())
    }

    fn check_object(
        &self,
        fields: &Fields,
        place: ObjectPlace<'_>,
        nested: &mut usize,
    ) -> Result<(), BadMapping> {
        let limits = &self.settings;
        for (name, field) in &fields.properties {
            let here = join_pointer(&join_pointer(place.at, "properties"), name);
            let mut names = std::iter::once(name).chain(field.fields.keys());
            if let Some(long) = names.find(|name| name.encode_utf16().count() > limits.name_length)
            {
                let limit = limits.name_length;
                let why = format!("the name `{long}` is longer than the limit of {limit}");
                return Err(bad_mapping(&here, &why));
            }
            let path = path_below(place.path, name);
            if let Kind::Object(inner) | Kind::Nested(inner) | Kind::Flat(inner) = &field.kind {
                if path.split('.').count() >= limits.depth {
                    let why = format!("objects nest deeper than the limit of {}", limits.depth);
                    return Err(bad_mapping(&here, &why));
                }
                *nested += usize::from(matches!(field.kind, Kind::Nested(_)));
                if !matches!(field.kind, Kind::Flat(_)) {
                    let place = ObjectPlace {
                        at: &here,
                        path: &path,
                    };
                    self.check_object(inner, place, nested)?;
                }
            }
        }
        Ok(())
    }
}
