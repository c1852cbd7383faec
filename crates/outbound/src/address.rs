//! Which addresses may be called: those of the public Internet, and what the configuration names.
//! Pure.

use crate::OutboundConfigError;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4: this network, private, shared, loopback, link-local (services that tell a machine's
/// credentials among them), protocol assignments, documentation, benchmarks, relays, multicast,
/// reserved, broadcast; and the one public address at which a cloud answers its own machines.
const NOT_PUBLIC: [([u8; 4], u8); 16] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([168, 63, 129, 16], 32),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// IPv6: within 2000::/3, what is no host of the Internet by itself: assignments and tunnels
/// (2001::/23), documentation, and tunnels that hold an IPv4 address (2002::/16).
const NOT_PUBLIC_V6: [([u16; 2], u8); 4] = [
    ([0x2001, 0x0000], 23),
    ([0x2001, 0x0db8], 32),
    ([0x2002, 0x0000], 16),
    ([0x3fff, 0x0000], 20),
];

/// An address that is not called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{host}` is {address}, which is private or reserved, and `outbound.allowed_networks` does not name it"
)]
pub struct RefusedAddress {
    pub host: String,
    pub address: IpAddr,
}

/// What may be called.
#[derive(Clone, Debug, Default)]
pub struct AddressRules {
    allowed: Vec<IpNet>,
}

impl AddressRules {
    /// Beside the public Internet: these networks or addresses.
    pub fn new(allowed: &[String]) -> Result<Self, OutboundConfigError> {
        let network = |text: &String| {
            let network = text.parse::<IpNet>();
            let network = network.or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| OutboundConfigError::Network(text.clone()))
        };
        let allowed = allowed.iter().map(network).collect::<Result<_, _>>()?;
        Ok(Self { allowed })
    }

    /// May it be called? `host`: what it was found by.
    pub fn check(&self, host: &str, address: IpAddr) -> Result<(), RefusedAddress> {
        let reached = reached(address);
        if is_public(reached)
            || self
                .allowed
                .iter()
                .any(|network| network.contains(&reached))
        {
            return Ok(());
        }
        Err(RefusedAddress {
            host: host.to_owned(),
            address,
        })
    }
}

/// The host behind an address: an IPv4 one may be written as IPv6, or be reached by translation
/// (64:ff9b::/96).
fn reached(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address.to_canonical() else {
        return address.to_canonical();
    };
    match six.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            Ipv4Addr::new(a, b, c, d).into()
        }
        _ => six.into(),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            let within = |(base, bits): &([u8; 4], u8)| {
                let base = u32::from(Ipv4Addr::from(*base));
                (u32::from(four) ^ base) >> (32 - bits) == 0
            };
            !NOT_PUBLIC.iter().any(within)
        }
        IpAddr::V6(six) => is_global_unicast(six),
    }
}

fn is_global_unicast(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let head = |[first, second]: [u16; 2]| u32::from(first) << 16 | u32::from(second);
    let within =
        |(base, bits): &([u16; 2], u8)| (head([first, second]) ^ head(*base)) >> (32 - bits) == 0;
    first & 0xe000 == 0x2000 && !NOT_PUBLIC_V6.iter().any(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_called(rules: &AddressRules, address: &str) -> bool {
        rules.check("h", address.parse().unwrap()).is_ok()
    }

    #[test]
    fn only_the_public_internet_is_called_unless_something_is_named() {
        let rules = AddressRules::default();
        for public in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "168.63.129.17",
            "172.15.255.255",
            "172.32.0.0",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001:80e::200e",
            "64:ff9b::101:101",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_called(&rules, public), "{public}");
        }
        for inside in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.0",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "100::1",
        ] {
            assert!(!is_called(&rules, inside), "{inside}");
        }
    }

    #[test]
    fn what_is_named_is_called_in_whichever_form_and_nothing_beside_it() {
        let named = ["10.1.0.0/16", "127.0.0.1", "fd00:1::/32"].map(str::to_owned);
        let rules = AddressRules::new(&named).unwrap();
        for named in [
            "10.1.2.3",
            "::ffff:10.1.2.3",
            "64:ff9b::a01:203",
            "127.0.0.1",
            "fd00:1::7",
        ] {
            assert!(is_called(&rules, named), "{named}");
        }
        for beside in ["10.2.0.0", "127.0.0.2", "fd00:2::7", "::1"] {
            assert!(!is_called(&rules, beside), "{beside}");
        }
        for wrong in ["10.1.0.0/33", "localhost", "", "10.1"] {
            assert!(AddressRules::new(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
