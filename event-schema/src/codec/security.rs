//! Records of `security`, as bytes.

use super::{
    DecodeError, Parts, SECURITY_BEACON, SECURITY_CHANGE, base_headers, decode_value, record_type,
    to_bytes,
};
use crate::security::{SecurityRecord, SecuritySubject};

const GATEWAY: &str = "gateway/";

/// Keyed by what it is about: a subject, or a gateway.
pub fn encode_security(record: &SecurityRecord) -> Parts {
    let (kind, key, value) = match record {
        SecurityRecord::Changed(subject, change) => (
            SECURITY_CHANGE,
            subject.key().into_owned(),
            Some(to_bytes(change)),
        ),
        SecurityRecord::Beacon { instance, beacon } => (
            SECURITY_BEACON,
            format!("{GATEWAY}{instance}"),
            Some(to_bytes(beacon)),
        ),
        SecurityRecord::GatewayEnded { instance } => {
            (SECURITY_BEACON, format!("{GATEWAY}{instance}"), None)
        }
    };
    Parts {
        key: Some(key.into()),
        value,
        headers: base_headers(kind),
    }
}

pub fn decode_security(parts: &Parts) -> Result<SecurityRecord, DecodeError> {
    let key = parts.key.as_deref();
    let key = key.and_then(|key| std::str::from_utf8(key).ok());
    let key = key.ok_or(DecodeError::BadKey)?;
    match record_type(parts)? {
        SECURITY_CHANGE => {
            let subject = SecuritySubject::parse(key).ok_or(DecodeError::BadKey)?;
            Ok(SecurityRecord::Changed(subject, decode_value(parts)?))
        }
        SECURITY_BEACON => {
            let instance = key.strip_prefix(GATEWAY).ok_or(DecodeError::BadKey)?;
            let instance = instance.to_owned();
            match parts.value {
                None => Ok(SecurityRecord::GatewayEnded { instance }),
                Some(_) => Ok(SecurityRecord::Beacon {
                    instance,
                    beacon: decode_value(parts)?,
                }),
            }
        }
        other => Err(DecodeError::UnknownType(other.to_owned())),
    }
}
