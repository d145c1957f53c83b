//! What was meant by a name that is not known. The file stands in `session-macros` and in `http-session` alike,
//! because a proc macro and the crate that re-exports it have no other way to share code; a test keeps the two equal.

/// ` (did you mean …?)`, if one of the names is close to what was written.
pub(crate) fn did_you_mean<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let near = names.into_iter().map(|name| (distance(written, name), name)).min();
    match near {
        Some((distance, name)) if distance <= 1 + name.len() / 4 => format!(" (did you mean `{name}`?)"),
        _ => String::new(),
    }
}

/// How many letters have to be added, left out or changed to make one name of the other. Case and `-` count as
/// nothing: `sameSite` and `same-site` are the likeliest mistakes for `same_site`.
fn distance(written: &str, name: &str) -> usize {
    let letters =
        |text: &str| text.to_lowercase().chars().filter(|char| !"-_".contains(*char)).collect::<Vec<_>>();
    let (written, name) = (letters(written), letters(name));
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (i, left) in written.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in name.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let names = ["max_inactive", "store", "namespace"];
        assert_eq!(did_you_mean("max_inactiv", names), " (did you mean `max_inactive`?)");
        assert_eq!(did_you_mean("maxInactive", names), " (did you mean `max_inactive`?)");
        assert_eq!(did_you_mean("sotre", names), " (did you mean `store`?)");
        assert_eq!(did_you_mean("timeout", names), "");
    }
}
