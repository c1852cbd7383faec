//! Addresses as an index reads them: 128 bits, those of IPv4 within those of IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A text's address; a zone behind `%` is cut off.
pub fn parse(text: &str) -> Option<u128> {
    let plain = match text.split_once('%') {
        Some((address, _)) if address.contains(':') => address,
        _ => text,
    };
    match plain.parse().ok()? {
        IpAddr::V4(address) => Some(address.to_ipv6_mapped().to_bits()),
        IpAddr::V6(address) => Some(address.to_bits()),
    }
}

/// First and last address of `10.0.0.0/8`.
pub fn parse_block(text: &str) -> Option<(u128, u128)> {
    let (address, length) = text.split_once('/')?;
    let bits = parse(address)?;
    let length: u32 = length.parse().ok()?;
    let is_short = address.parse::<Ipv4Addr>().is_ok();
    if length > if is_short { 32 } else { 128 } {
        return None;
    }
    let length = if is_short { length + 96 } else { length };
    let rest = if length == 128 {
        0
    } else {
        u128::MAX >> length
    };
    Some((bits & !rest, bits | rest))
}

/// An address as an index shows it.
pub fn address_text(bits: u128) -> String {
    let address = Ipv6Addr::from_bits(bits);
    match address.to_ipv4_mapped() {
        Some(short) => short.to_string(),
        None => address.to_string(),
    }
}
