//! The `Host` of a request: HTTP/1.1 wants exactly one, and a server must refuse any other head
//! (RFC 9112, 3.2). By it a page is told from a foreign one, and what stands in front of a gateway
//! may go by another of two. Looks at heads only.

use crate::error::{Code, Problem};
use http::{HeaderMap, Version, header, uri::Authority};

pub(crate) fn check_host(version: Version, headers: &HeaderMap) -> Result<(), Problem> {
    let mut all = headers.get_all(header::HOST).iter();
    let bad = |why: &str| Err(Problem::new(Code::BadRequest, why));
    match (all.next(), all.next()) {
        (None, _) if version >= Version::HTTP_11 => bad("the header `Host` is missing"),
        (None, _) => Ok(()),
        (Some(_), Some(_)) => bad("the header `Host` is there more than once"),
        // Of an address without a host it is empty.
        (Some(one), None) if one.is_empty() => Ok(()),
        (Some(one), None) => match Authority::try_from(one.as_bytes()) {
            Ok(_) => Ok(()),
            Err(_) => bad("the header `Host` names no host"),
        },
    }
}
