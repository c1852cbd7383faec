//! What the catalog says of an upload that is under way: it may have changed since the file was taken,
//! and other gateways may go by another one. It must never decide what becomes of a line.

use super::{csv::CsvLine, header::UploadHeader};
use crate::{
    error::{Code, Problem},
    write::WritePath,
};
use catalog::{Operation, Upload};
use std::sync::Arc;

/// The operation that takes the file. All that its lines may ask for is in the catalog.
pub(super) struct UploadDefinitions(Arc<Operation>);

impl UploadDefinitions {
    /// Or what is missing.
    pub(super) fn find(writes: &WritePath, name: &str) -> Result<Self, Problem> {
        let catalog = writes.catalog.current();
        let unknown = |why: String| Problem::new(Code::UnknownOperation, why);
        let missing =
            |name: &str| unknown(format!("the catalog no longer has an operation `{name}`"));
        let operation = catalog
            .shared_operation(name)
            .ok_or_else(|| missing(name))?;
        let Some(upload) = operation.upload() else {
            return Err(unknown(format!("`{name}` no longer takes a file")));
        };
        let line = catalog.shared_operation(&upload.line);
        let line = line.ok_or_else(|| missing(&upload.line))?;
        let mut asked = line.outline().parts.into_iter();
        if let Some(asked) = asked.find(|asked| catalog.operation(asked).is_none()) {
            return Err(missing(asked));
        }
        Ok(Self(operation))
    }

    pub(super) fn upload(&self) -> &Upload {
        let upload = self.0.upload();
        upload.expect("only operations that take a file are found")
    }

    /// The columns of a file by its first line, or why these definitions do not have them any more.
    pub(super) fn columns(&self, first: &CsvLine) -> Result<UploadHeader, Problem> {
        UploadHeader::read(self.upload(), first).map_err(|problem| {
            let why = format!("the columns are others now: {}", problem.detail());
            Problem::new(problem.code(), why)
        })
    }
}
