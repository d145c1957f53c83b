use std::collections::HashMap;
use std::sync::Arc;

use crc16::{State, XMODEM};
use redis::Value;
use session_core::Result;

use crate::error::unexpected_reply;
use crate::node::Node;
use crate::url::Address;

/// Which part of a cluster a key lies in: the checksum of what stands between its first braces, or of all of it.
pub(crate) fn slot(key: &[u8]) -> u16 {
    State::<XMODEM>::calculate(hashed(key)) % 16384
}

fn hashed(key: &[u8]) -> &[u8] {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let inner = &key[open + 1..];
        let close = inner.iter().position(|byte| *byte == b'}')?;
        Some(&inner[..close])
    });
    tag.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

/// Which primary has which slots, as the cluster said last. A hint: who is asked in vain says where to go.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// Ascending: the last slot of each range, its first, and its owner.
    ranges: Vec<(u16, u16, Arc<Node>)>,
    nodes: HashMap<Address, Arc<Node>>,
}

/// The first and the last slot of a range, and its owner.
pub(crate) type Range = (u16, u16, Address);

impl Slots {
    /// The same nodes as before as far as they are still there.
    pub(crate) fn new(mut ranges: Vec<Range>, before: &Self, node: impl Fn(&Address) -> Arc<Node>) -> Self {
        ranges.sort_by_key(|(first, _, _)| *first);
        let mut slots = Self::default();
        for (first, last, address) in ranges {
            let node = slots.nodes.entry(address).or_insert_with_key(|address| {
                before.nodes.get(address).map_or_else(|| node(address), Arc::clone)
            });
            slots.ranges.push((last, first, Arc::clone(node)));
        }
        slots
    }

    pub(crate) fn owner(&self, slot: u16) -> Option<&Arc<Node>> {
        let at = self.ranges.partition_point(|(last, _, _)| *last < slot);
        self.ranges.get(at).filter(|(_, first, _)| *first <= slot).map(|(_, _, node)| node)
    }

    pub(crate) fn node(&self, address: &Address) -> Option<&Arc<Node>> {
        self.nodes.get(address)
    }

    pub(crate) fn nodes(&self) -> &HashMap<Address, Arc<Node>> {
        &self.nodes
    }
}

/// What a server answered to `CLUSTER SLOTS`. One that does not know its own name leaves it out.
pub(crate) fn ranges(value: Value, asked: &Address) -> Result<Vec<Range>> {
    let unreadable = || unexpected_reply("the Redis server answered CLUSTER SLOTS with something else");
    let Value::Array(ranges) = value else { return Err(unreadable()) };
    let range = |value: Value| {
        let Value::Array(parts) = value else { return None };
        let [Value::Int(first), Value::Int(last), Value::Array(primary), ..] = &parts[..] else {
            return None;
        };
        let [host, Value::Int(port), ..] = &primary[..] else { return None };
        let host = match host {
            Value::BulkString(host) => std::str::from_utf8(host).ok()?,
            _ => "",
        };
        let address = named(host, u16::try_from(*port).ok()?, asked);
        Some((u16::try_from(*first).ok()?, u16::try_from(*last).ok()?, address))
    };
    ranges.into_iter().map(|value| range(value).ok_or_else(unreadable)).collect()
}

/// The address in `MOVED 3999 127.0.0.1:6381`, where the host may be missing and an IPv6 address has no brackets.
pub(crate) fn redirected(text: &str, asked: &Address) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    Some(named(host, port.parse().ok()?, asked))
}

fn named(host: &str, port: u16, asked: &Address) -> Address {
    match asked {
        Address::Tcp(own, _) if host.is_empty() || host == "?" => Address::Tcp(own.clone(), port),
        _ => Address::Tcp(host.to_owned(), port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the cluster specification, and what `CLUSTER KEYSLOT` says.
    #[test]
    fn a_key_lies_where_its_tag_does() {
        assert_eq!(slot(b"123456789"), 0x31c3);
        for (key, hashes) in [
            ("{user1000}.following", "user1000"),
            ("foo{}{bar}", "foo{}{bar}"),
            ("foo{{bar}}zap", "{bar"),
            ("foo{bar}{zap}", "bar"),
            ("foo{bar", "foo{bar"),
        ] {
            assert_eq!(hashed(key.as_bytes()), hashes.as_bytes(), "{key}");
        }
    }

    #[test]
    fn a_redirection_names_a_server_or_a_port_of_the_one_asked() {
        let asked = Address::Tcp("here".to_owned(), 1);
        let at = |host: &str, port| Some(Address::Tcp(host.to_owned(), port));
        assert_eq!(redirected("127.0.0.1:6381", &asked), at("127.0.0.1", 6381));
        assert_eq!(redirected("::1:6381", &asked), at("::1", 6381));
        assert_eq!(redirected(":6381", &asked), at("here", 6381));
        assert_eq!(redirected("?:6381", &asked), at("here", 6381));
        assert_eq!(redirected("nothing", &asked), None);
    }
}
