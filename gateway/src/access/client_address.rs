//! Where a request comes from. What a client says of that counts only where a proxy that the settings
//! name said it: the last address in the chain that is none of those.

use http::{Extensions, HeaderMap};
use std::net::IpAddr;

/// The address that a connection came from, in the extensions of its requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub IpAddr);

impl ClientAddress {
    pub(crate) fn of(
        extensions: &Extensions,
        headers: &HeaderMap,
        trusted: &[IpAddr],
    ) -> Option<IpAddr> {
        let Self(peer) = extensions.get::<Self>()?;
        Some(seen_by(*peer, headers, trusted))
    }
}

fn seen_by(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.contains(&address.to_canonical());
    let mut seen = peer;
    if !is_trusted(&seen) {
        return seen;
    }
    let lines: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .map(|line| line.to_str().unwrap_or("?"))
        .collect();
    for said in lines.join(",").rsplit(',') {
        // What cannot be read was said by the one before it, whose address is known.
        let Ok(address) = said.trim().parse::<IpAddr>() else {
            return seen;
        };
        seen = address;
        if !is_trusted(&seen) {
            return seen;
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
        let cases = [
            ("9.9.9.9", "1.1.1.1", "9.9.9.9"),
            ("10.0.0.1", "1.1.1.1", "1.1.1.1"),
            // What the client put in front of it is not looked at.
            ("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
            ("10.0.0.1", "6.6.6.6, nonsense", "10.0.0.1"),
            ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ];
        for (peer, said, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.append("x-forwarded-for", HeaderValue::from_static(said));
            let seen = seen_by(ip(peer), &headers, &trusted);
            assert_eq!(seen, ip(expected), "{peer} {said}");
        }
        let nothing = seen_by(ip("10.0.0.1"), &HeaderMap::new(), &trusted);
        assert_eq!(nothing, ip("10.0.0.1"));
    }
}
