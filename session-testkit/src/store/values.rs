use bytes::Bytes;
use session_core::{Changes, Saved, Swapped, Taken};

use super::fixture::*;
use crate::Harness;

/// What goes in comes out, whichever operation carries it.
async fn comes_back(harness: &dyn Harness, name: &str, value: Bytes) {
    let store = harness.store();
    let mut new = with(&[]);
    new.attributes.insert(name.into(), value.clone());
    let created = store.begin_with(&new).await;
    assert!(store.live(&created).await.attributes == new.attributes, "created as {name:?}");

    let saved = store.begin().await;
    let mut changes = Changes::new();
    changes.set(name, value.clone());
    assert_eq!(store.save(&saved, &changes, FRESH).await.unwrap(), Saved::Applied);
    assert!(store.live(&saved).await.attributes.get(name) == Some(&value), "saved as {name:?}");

    let other = Some(&b"other"[..]);
    let swapped = store.replace_if(&saved, name, other, None, FRESH).await.unwrap();
    assert!(swapped == Swapped::Conflict(Some(value.clone())), "{name:?} conflicts");
    let swapped = store.replace_if(&saved, name, Some(&value), other, FRESH).await.unwrap();
    assert!(swapped == Swapped::Applied, "{name:?} is compared");
    let swapped = store.replace_if(&saved, name, other, Some(&value), FRESH).await.unwrap();
    assert!(swapped == Swapped::Applied, "{name:?} is replaced");
    assert!(store.take(&saved, name, FRESH).await.unwrap() == Taken::Value(value), "{name:?} is taken");

    let mut changes = Changes::new();
    changes.remove(name);
    assert_eq!(store.save(&created, &changes, FRESH).await.unwrap(), Saved::Applied);
    assert!(store.live(&created).await.attributes.is_empty(), "{name:?} is removed");
}

pub async fn any_bytes_come_back_as_they_went_in(harness: &dyn Harness) {
    comes_back(harness, "all", (0..=255).collect()).await;
    comes_back(harness, "zeros", vec![0; 100].into()).await;
    comes_back(harness, "not UTF-8", vec![0xC3, 0x28, 0xFF, 0xFE].into()).await;
    for text in ["-1", "0", "1.5", "007", "1e400", "nil", "\r\n", "*1\r\n$1\r\n", "'; --", "\\x00", "%s{}"] {
        comes_back(harness, "text", bytes(text)).await;
    }
}

pub async fn an_empty_value_is_a_value(harness: &dyn Harness) {
    comes_back(harness, "empty", Bytes::new()).await;
}

pub async fn a_mebibyte_comes_back(harness: &dyn Harness) {
    let large: Bytes = (0..1 << 20).map(|at: u32| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
    comes_back(harness, "large", large).await;
}

pub async fn any_unicode_is_a_name(harness: &dyn Harness) {
    for name in ["naïve", "名前", "👩‍👩‍👧", "e\u{301}", "\u{e9}", "a\0b", " ", "\u{202e}x", "%", "_", "'\"\\`"]
    {
        comes_back(harness, name, bytes("value")).await;
    }
}

pub async fn names_differ_in_case_accents_and_spaces(harness: &dyn Harness) {
    let store = harness.store();
    let names = ["name", "Name", "NAME", "name ", " name", "näme", "na\u{308}me", "straße", "strasse"];
    let new = with(&names.map(|name| (name, name)));
    let id = store.begin_with(&new).await;
    assert_eq!(store.live(&id).await.attributes, new.attributes);
    store.take(&id, "name", FRESH).await.unwrap();
    assert_eq!(store.live(&id).await.attributes.len(), names.len() - 1);
}

pub async fn a_colon_in_a_name_is_part_of_it(harness: &dyn Harness) {
    for name in [":", "a:b", "a:", "a:a:kept", "::"] {
        comes_back(harness, name, bytes("value")).await;
    }
}

/// Names that a store might use for itself.
pub async fn a_name_never_meets_the_stores_own_fields(harness: &dyn Harness) {
    let store = harness.store();
    let one: Vec<_> = ('!'..='~').map(String::from).collect();
    let own =
        ["", "a:", "created", "expires_at", "idle", "end", "digest", "principal", "ended_at", "locator"];
    let names = one.iter().map(String::as_str).chain(own);
    let new = with(&names.map(|name| (name, "planted")).collect::<Vec<_>>());
    let id = store.begin_with(&new).await;
    let before = store.live(&id).await;
    assert_eq!(before.attributes, new.attributes);
    assert_eq!((before.idle, before.end), (Some(HOUR), None));
    assert_eq!(before.principal, None);

    let mut changes = Changes::new();
    new.attributes.keys().for_each(|name| changes.remove(name.clone()));
    assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);
    let after = store.live(&id).await;
    assert!(after.attributes.is_empty());
    assert_eq!((after.created, after.expires_at), (before.created, before.expires_at));
}

pub async fn hundreds_of_attributes_come_back(harness: &dyn Harness) {
    let store = harness.store();
    let names: Vec<_> = (0..300).map(|number| format!("attribute {number:03}")).collect();
    let pairs: Vec<_> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    let id = store.begin_with(&with(&pairs)).await;
    assert_eq!(store.live(&id).await.attributes, with(&pairs).attributes);

    let mut changes = Changes::new();
    for name in &names {
        changes.set(name.as_str(), bytes("changed"));
    }
    for name in &names[..100] {
        changes.remove(name.as_str());
    }
    assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);
    let record = store.live(&id).await;
    assert_eq!(record.attributes.len(), 200);
    assert!(names[100..].iter().all(|name| value(&record, name) == Some("changed")));
    let id = store.rotated(&id).await;
    assert_eq!(store.live(&id).await.attributes, record.attributes);
}

/// More than a command, a statement or a script takes at a time, wherever that is limited.
pub async fn thousands_of_attributes_come_back(harness: &dyn Harness) {
    let store = harness.store();
    let names: Vec<_> = (0..9000).map(|number| format!("{number}")).collect();
    let pairs: Vec<_> = names.iter().map(|name| (name.as_str(), "value")).collect();
    let id = store.begin_with(&with(&pairs)).await;
    assert!(store.live(&id).await.attributes == with(&pairs).attributes);

    let mut changes = Changes::new();
    names.iter().for_each(|name| changes.set(name.as_str(), bytes("changed")));
    assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);
    let record = store.live(&id).await;
    assert!(names.iter().all(|name| value(&record, name) == Some("changed")));
    names.iter().for_each(|name| changes.set(name.as_str(), bytes("again")));
    changes.idle = Some(Some(MINUTE));
    let new = digest();
    assert_eq!(store.rotate(&id, &new, &changes, FRESH).await.unwrap(), Saved::Applied);
    let id = presenting(&id, new);
    let record = store.live(&id).await;
    assert!(names.iter().all(|name| value(&record, name) == Some("again")));
    names.iter().for_each(|name| changes.remove(name.as_str()));
    assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);
    assert!(store.live(&id).await.attributes.is_empty());
}

pub async fn several_mebibytes_in_one_session_come_back(harness: &dyn Harness) {
    let store = harness.store();
    let mut new = with(&[]);
    for (number, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let number = u8::try_from(number).unwrap();
        new.attributes.insert(name.into(), vec![number; 1 << 20].into());
    }
    let id = store.begin_with(&new).await;
    assert!(store.live(&id).await.attributes == new.attributes);
    store.set(&id, "a", "small").await;
    new.attributes.insert("a".into(), bytes("small"));
    assert!(store.live(&id).await.attributes == new.attributes);
}
