//! Reads the value of a secret.

use std::io::{self, Read};

use sluice_commands::ports::SecretText;

/// The value: from a prompt without echo at a terminal, else the whole standard input without one line break at its end. At most a byte
/// more than `most` is read; the caller refuses that.
pub(super) fn value(is_terminal: bool, most: usize) -> io::Result<SecretText> {
    if is_terminal {
        return rpassword::prompt_password("Value (not shown): ").map(SecretText::new);
    }
    read(io::stdin().lock(), most)
}

fn read(from: impl Read, most: usize) -> io::Result<SecretText> {
    // Two more for the line break.
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(3);
    let mut text = String::new();
    from.take(limit).read_to_string(&mut text)?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(SecretText::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_at_the_end_is_not_part_of_the_value() {
        for (given, expected) in
            [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a b \n", " a b "), ("", "")]
        {
            assert_eq!(read(given.as_bytes(), 10).unwrap().expose(), expected, "{given:?}");
        }
    }

    #[test]
    fn more_than_fits_is_not_read_to_its_end() {
        assert_eq!(read("x".repeat(1_000_000).as_bytes(), 10).unwrap().expose().len(), 13);
        assert!(read(&b"\xff\xfe"[..], 10).is_err(), "no text");
    }
}
