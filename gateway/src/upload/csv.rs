//! Comma-separated values, fed piece by piece: RFC 4180 with `\n` or `\r\n`, after a byte order mark
//! or none, in UTF-8. What is wrong is named by line and column. It holds one line at a time.

/// The longest line, quotes and all.
const LONGEST: usize = 256 << 10;

/// One line of cells, without spaces around them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CsvLine {
    /// Where it begins in the file, from 1: a cell in quotes may hold line ends.
    pub number: u64,
    pub cells: Vec<String>,
}

/// Where a file is no such file, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CsvFault {
    pub line: u64,
    /// Which cell, from 1.
    pub column: usize,
    pub why: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CellPlace {
    CellBegins,
    Plain,
    Quoted,
    /// Behind a quote within quotes: it ends them, or stands for itself.
    QuoteSeen,
}

pub(crate) struct CsvReader {
    place: CellPlace,
    cell: Vec<u8>,
    cells: Vec<String>,
    line: u64,
    begins: u64,
    size: usize,
    /// A carriage return was seen that a line feed must follow.
    is_returned: bool,
    /// Bytes of a byte order mark that were seen, until the file is known to begin.
    mark: Option<usize>,
}

const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

impl CsvReader {
    pub(crate) fn new() -> Self {
        Self {
            place: CellPlace::CellBegins,
            cell: Vec::new(),
            cells: Vec::new(),
            line: 1,
            begins: 1,
            size: 0,
            is_returned: false,
            mark: Some(0),
        }
    }

    /// The lines that these bytes complete; blank ones are left out.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<CsvLine>, CsvFault> {
        let mut lines = Vec::new();
        for byte in bytes {
            if let Some(seen) = self.mark {
                if MARK.get(seen) == Some(byte) {
                    self.mark = Some(seen + 1).filter(|seen| *seen < MARK.len());
                    continue;
                }
                self.mark = None;
                for byte in &MARK[..seen] {
                    self.take(*byte, &mut lines)?;
                }
            }
            self.take(*byte, &mut lines)?;
        }
        Ok(lines)
    }

    /// The last line, where no line end closes it.
    pub(crate) fn finish(&mut self) -> Result<Option<CsvLine>, CsvFault> {
        if self.place == CellPlace::Quoted {
            return Err(self.fault("a quote is not closed"));
        }
        if self.size == 0 {
            return Ok(None);
        }
        let mut lines = Vec::new();
        self.end_line(&mut lines)?;
        Ok(lines.pop())
    }

    fn take(&mut self, byte: u8, lines: &mut Vec<CsvLine>) -> Result<(), CsvFault> {
        self.size += 1;
        if self.size > LONGEST {
            return Err(self.fault("the line is longer than 256 KiB"));
        }
        if std::mem::take(&mut self.is_returned) && byte != b'\n' {
            let why = "a carriage return stands alone: lines end with \\n or \\r\\n";
            return Err(self.fault(why));
        }
        match (self.place, byte) {
            (CellPlace::Quoted, b'"') => self.place = CellPlace::QuoteSeen,
            (CellPlace::Quoted, byte) => {
                self.line += u64::from(byte == b'\n');
                self.cell.push(byte);
            }
            (CellPlace::QuoteSeen, b'"') => {
                self.cell.push(b'"');
                self.place = CellPlace::Quoted;
            }
            (_, b',') => self.end_cell()?,
            (_, b'\n') => {
                self.end_line(lines)?;
                self.line += 1;
                self.begins = self.line;
            }
            (_, b'\r') => self.is_returned = true,
            (CellPlace::CellBegins, b'"') => {
                self.cell.clear();
                self.place = CellPlace::Quoted;
            }
            (CellPlace::CellBegins | CellPlace::QuoteSeen, b' ' | b'\t') => {}
            (CellPlace::QuoteSeen, _) => {
                return Err(self.fault("text stands behind a closing quote"));
            }
            (CellPlace::Plain, b'"') => {
                return Err(self.fault("a quote stands within a cell that does not begin with one"));
            }
            (CellPlace::CellBegins | CellPlace::Plain, byte) => {
                self.cell.push(byte);
                self.place = CellPlace::Plain;
            }
        }
        Ok(())
    }

    fn end_cell(&mut self) -> Result<(), CsvFault> {
        let bytes = std::mem::take(&mut self.cell);
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(
                self.fault("a byte is not UTF-8: the file may be Latin-1; save it as UTF-8")
            );
        };
        self.cells.push(text.trim().to_owned());
        self.place = CellPlace::CellBegins;
        Ok(())
    }

    fn end_line(&mut self, lines: &mut Vec<CsvLine>) -> Result<(), CsvFault> {
        self.end_cell()?;
        self.size = 0;
        let cells = std::mem::take(&mut self.cells);
        if cells.iter().any(|cell| !cell.is_empty()) {
            lines.push(CsvLine {
                number: self.begins,
                cells,
            });
        }
        Ok(())
    }

    fn fault(&self, why: &'static str) -> CsvFault {
        CsvFault {
            line: self.line,
            column: self.cells.len() + 1,
            why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As fed by pieces of each size.
    fn read(bytes: &[u8]) -> Result<Vec<(u64, Vec<String>)>, CsvFault> {
        let whole = read_by(bytes, bytes.len().max(1));
        for size in 1..8 {
            assert_eq!(read_by(bytes, size), whole, "pieces of {size}");
        }
        whole
    }

    fn read_by(bytes: &[u8], size: usize) -> Result<Vec<(u64, Vec<String>)>, CsvFault> {
        let (mut reader, mut lines) = (CsvReader::new(), Vec::new());
        for piece in bytes.chunks(size) {
            lines.extend(reader.push(piece)?);
        }
        lines.extend(reader.finish()?);
        Ok(lines
            .into_iter()
            .map(|line| (line.number, line.cells))
            .collect())
    }

    fn cells(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn marks_line_ends_quotes_and_blank_lines() {
        let text = "\u{feff}code,name\r\n\r\n1, \"a \"\"b\"\",\r\nc\" \r\n ,\n2,Zürich";
        let expected = vec![
            (1, cells(&["code", "name"])),
            (3, cells(&["1", "a \"b\",\r\nc"])),
            (6, cells(&["2", "Zürich"])),
        ];
        assert_eq!(read(text.as_bytes()).unwrap(), expected);
        assert_eq!(read(b"").unwrap(), []);
        assert_eq!(read(b"a,\n").unwrap(), [(1, cells(&["a", ""]))]);
        assert_eq!(read(b"\xef\xbba,b").unwrap_err().column, 1);
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_column() {
        let of = |bytes: &[u8]| {
            let fault = read(bytes).unwrap_err();
            (fault.line, fault.column, fault.why)
        };
        let latin = of(b"code,name\n1,Z\xfcrich\n");
        assert_eq!((latin.0, latin.1), (2, 2));
        assert!(latin.2.contains("Latin-1"));
        assert_eq!(
            of(b"a,b\n1,x\"y"),
            (
                2,
                2,
                "a quote stands within a cell that does not begin with one"
            )
        );
        assert_eq!(
            of(b"a\n\"x\"y"),
            (2, 1, "text stands behind a closing quote")
        );
        assert_eq!(of(b"a,b\n1,\"x\n\n"), (4, 2, "a quote is not closed"));
        // The line ends of old Macs.
        let returned = of(b"code,name\r1,Kerala\r");
        assert_eq!((returned.0, returned.1), (1, 2));
        assert!(returned.2.starts_with("a carriage return stands alone"));
        let long = [b"a\n".as_slice(), &[b'x'; LONGEST + 1]].concat();
        assert_eq!(of(&long), (2, 1, "the line is longer than 256 KiB"));
    }
}
