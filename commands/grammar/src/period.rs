//! Lengths and points of time, as people type them: `2h`, `2 hours`, `1h30m`, `17:00`, `5pm`, `2026-11-01 17:00`.

use std::fmt;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp, ToSpan as _};

use super::words::{Word, words};

/// A length or a point of time, as people type it. Points are civil: the code that carries out the command knows the time
/// zone of its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Period {
    /// A number of seconds: `for 2h`, `since 7d`.
    Seconds(u64),
    /// A time of day: `until 17:00`.
    Time(Time),
    /// A day: `since 2026-11-01`.
    Date(Date),
    /// A time on a day: `until 2026-11-01 17:00`.
    Moment(DateTime),
    /// A day by its name, and a time on it: `until tomorrow`, `until monday 9:00`.
    Day(Day, Option<Time>),
}

/// A day by its name, relative to the day on which it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// The same day.
    Today,
    /// The next day.
    Tomorrow,
    /// The next day of that name.
    Weekday(Weekday),
}

/// The longest period in seconds, ten years: nobody means a longer one, and a calendar can add it.
const LONGEST: u64 = 3660 * 86_400;

/// Reads a length of time at the front of the words; returns it with its number of words.
pub(super) fn length(words: &[Word]) -> Option<(Period, usize)> {
    let mut seconds = 0_u64;
    let mut taken = 0;
    while let Some((more, used)) = words.get(taken..).and_then(quantity) {
        seconds = seconds.checked_add(more)?;
        taken += used;
    }
    (1..=LONGEST).contains(&seconds).then_some((Period::Seconds(seconds), taken))
}

/// The seconds of a text that is a length of time and nothing else: `30m`, `2 hours`.
pub fn length_of(text: &str) -> Option<u64> {
    let words = words(text);
    match length(&words)? {
        (Period::Seconds(seconds), taken) if taken == words.len() => Some(seconds),
        _ => None,
    }
}

/// The time of a text after `since`: `7d`, `2026-11-01`.
pub fn since(text: &str, now: Timestamp) -> Option<Timestamp> {
    let words = words(text);
    match length(&words).or_else(|| point(&words))? {
        (period, taken) if taken == words.len() => period.begin(now),
        _ => None,
    }
}

/// The time of a day that is named without one: by "until tomorrow", people mean the time when they are back at work.
const MORNING: Time = Time::constant(9, 0, 0, 0);

impl Period {
    /// The next time at which it ends after `now`. Days and times are in UTC.
    pub fn end(&self, now: Timestamp) -> Option<Timestamp> {
        let here = now.to_zoned(TimeZone::UTC).datetime();
        let today = here.date();
        let is_future = |at: &DateTime| *at > here;
        let at = match self {
            Period::Seconds(seconds) => {
                return now.checked_add(std::time::Duration::from_secs(*seconds)).ok();
            }
            Period::Time(time) => {
                let at = today.to_datetime(*time);
                if is_future(&at) { at } else { at.checked_add(1.day()).ok()? }
            }
            Period::Date(date) => date.at(0, 0, 0, 0),
            Period::Moment(moment) => *moment,
            Period::Day(day, time) => {
                let on = |date: Date| date.to_datetime(time.unwrap_or(MORNING));
                match day {
                    Day::Today => on(today),
                    Day::Tomorrow => on(today.tomorrow().ok()?),
                    // On a Monday before 9:00, "until monday 9:00" is today; "until monday" is in a week.
                    Day::Weekday(day)
                        if today.weekday() == *day && time.is_some() && is_future(&on(today)) =>
                    {
                        on(today)
                    }
                    Day::Weekday(day) => on(today.nth_weekday(1, *day).ok()?),
                }
            }
        };
        TimeZone::UTC.to_timestamp(at).ok()
    }

    /// The time at which it began, if it ends at `now`. Days and times are in UTC.
    pub fn begin(&self, now: Timestamp) -> Option<Timestamp> {
        let utc = |moment: jiff::civil::DateTime| TimeZone::UTC.to_timestamp(moment).ok();
        match self {
            Period::Seconds(seconds) => now.checked_sub(std::time::Duration::from_secs(*seconds)).ok(),
            Period::Time(time) => utc(now.to_zoned(TimeZone::UTC).date().to_datetime(*time)),
            Period::Date(date) => utc(date.at(0, 0, 0, 0)),
            Period::Moment(moment) => utc(*moment),
            // Only an end is typed like this.
            Period::Day(..) => None,
        }
    }
}

/// Reads an end at the front of the words: a length, a point of time, or a day by its name with a time before or after it.
/// Returns it with its number of words.
pub(super) fn end(words: &[Word]) -> Option<(Period, usize)> {
    named_day(words).or_else(|| length(words)).or_else(|| point(words))
}

/// `tomorrow`, `monday 9:00`, `tomorrow at 9am`, `17:00 today`.
fn named_day(words: &[Word]) -> Option<(Period, usize)> {
    let keyword = |at: usize| words.get(at).and_then(Word::keyword);
    let time_at = |at: usize| time(&keyword(at)?);
    if let Some(time) = time_at(0) {
        return Some((Period::Day(day(&keyword(1)?)?, Some(time)), 2));
    }
    let day = day(&keyword(0)?)?;
    let after = if keyword(1).as_deref() == Some("at") { 2 } else { 1 };
    Some(match time_at(after) {
        Some(time) => (Period::Day(day, Some(time)), after + 1),
        None => (Period::Day(day, None), 1),
    })
}

fn day(word: &str) -> Option<Day> {
    Some(match word {
        "today" => Day::Today,
        "tomorrow" => Day::Tomorrow,
        "monday" | "mon" => Day::Weekday(Weekday::Monday),
        "tuesday" | "tue" | "tues" => Day::Weekday(Weekday::Tuesday),
        "wednesday" | "wed" => Day::Weekday(Weekday::Wednesday),
        "thursday" | "thu" | "thurs" => Day::Weekday(Weekday::Thursday),
        "friday" | "fri" => Day::Weekday(Weekday::Friday),
        "saturday" | "sat" => Day::Weekday(Weekday::Saturday),
        "sunday" | "sun" => Day::Weekday(Weekday::Sunday),
        _ => return None,
    })
}

/// Whether the words after `for` are about time although they are not a known length: `for two hours`, `for the weekend`.
pub(super) fn is_about_time(words: &[Word]) -> bool {
    const TIMES: [&str; 9] =
        ["tonight", "morning", "noon", "afternoon", "evening", "night", "midnight", "weekend", "month"];
    let mut near = words.iter().take(3).filter_map(Word::keyword);
    let begins_with_digit =
        words.first().is_some_and(|word| word.text.starts_with(|c: char| c.is_ascii_digit()));
    // `for 500 users` is a reason.
    let has_time = near.any(|word| {
        day(&word).is_some()
            || seconds(&format!("1 {word}")).is_some() && word.len() > 1
            || TIMES.contains(&word.as_str())
    });
    has_time || begins_with_digit && quantity(words).is_some() || words.first().is_some_and(is_like_a_length)
}

/// Whether a word has only numbers with units, also in an order that is no length: `30m1h`.
fn is_like_a_length(word: &Word) -> bool {
    let text = word.text.to_ascii_lowercase();
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(['w', 'd', 'h', 'm', 's'])
        && text.chars().all(|c| c.is_ascii_digit() || "wdhms".contains(c))
}

/// Reads a point of time at the front of the words; returns it with its number of words.
pub(super) fn point(words: &[Word]) -> Option<(Period, usize)> {
    let first = words.first()?.keyword()?;
    if let Some(time) = time(&first) {
        return Some((Period::Time(time), 1));
    }
    let (day, of_day) = match first.split_once('t') {
        Some((day, of_day)) => (date(day)?, Some((time(of_day)?, 1))),
        None => {
            (date(&first)?, words.get(1).and_then(Word::keyword).and_then(|word| Some((time(&word)?, 2))))
        }
    };
    Some(match of_day {
        Some((time, taken)) => (Period::Moment(day.to_datetime(time)), taken),
        None => (Period::Date(day), 1),
    })
}

/// `2h`, `1h30m`, `2 hours`, `an hour`.
fn quantity(words: &[Word]) -> Option<(u64, usize)> {
    let first = words.first()?.keyword()?;
    let count = if first == "a" || first == "an" { "1" } else { &first };
    if count.bytes().all(|b| b.is_ascii_digit()) {
        return Some((seconds(&format!("{count} {}", words.get(1)?.keyword()?))?, 2));
    }
    // Jiff also reads `-2h`, `17:00` and `PT2H`.
    let is_plain =
        first.starts_with(|c: char| c.is_ascii_digit()) && first.bytes().all(|b| b.is_ascii_alphanumeric());
    Some((seconds(&first).filter(|_| is_plain)?, 1))
}

/// The seconds of a length in Jiff's friendly format. `None` for parts of a second, and for months and years, whose length varies.
fn seconds(text: &str) -> Option<u64> {
    let length = text.parse::<Span>().ok()?.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    u64::try_from(length.as_secs()).ok().filter(|seconds| *seconds > 0 && length.subsec_nanos() == 0)
}

/// `17:00`, `17:00:30`, `17:00:30.125`, `5pm`, `5:30pm`.
fn time(word: &str) -> Option<Time> {
    const FORMATS: [&str; 5] = ["%H:%M", "%H:%M:%S%.f", "%I%p", "%I:%M%p", "%I:%M:%S%p"];
    let time = FORMATS.iter().find_map(|format| Time::strptime(format, word).ok())?;
    // A line prints thousandths.
    (time.subsec_nanosecond() % 1_000_000 == 0).then_some(time)
}

/// `2026-11-01`.
fn date(word: &str) -> Option<Date> {
    (word.len() == 10).then(|| word.parse().ok()).flatten()
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Period::Seconds(seconds) => {
                let units = [(86_400, "d"), (3600, "h"), (60, "m")];
                let (unit, name) =
                    units.into_iter().find(|(unit, _)| seconds % unit == 0).unwrap_or((1, "s"));
                write!(f, "{}{name}", seconds / unit)
            }
            Period::Time(time) => clock(f, *time),
            Period::Date(date) => write!(f, "{date}"),
            Period::Moment(moment) => {
                write!(f, "{} ", moment.date())?;
                clock(f, moment.time())
            }
            Period::Day(day, time) => {
                f.write_str(day.word())?;
                let Some(time) = time else { return Ok(()) };
                f.write_str(" ")?;
                clock(f, *time)
            }
        }
    }
}

impl Day {
    fn word(self) -> &'static str {
        match self {
            Day::Today => "today",
            Day::Tomorrow => "tomorrow",
            Day::Weekday(Weekday::Monday) => "monday",
            Day::Weekday(Weekday::Tuesday) => "tuesday",
            Day::Weekday(Weekday::Wednesday) => "wednesday",
            Day::Weekday(Weekday::Thursday) => "thursday",
            Day::Weekday(Weekday::Friday) => "friday",
            Day::Weekday(Weekday::Saturday) => "saturday",
            Day::Weekday(Weekday::Sunday) => "sunday",
        }
    }
}

fn clock(f: &mut fmt::Formatter<'_>, time: Time) -> fmt::Result {
    let format = match (time.second(), time.subsec_nanosecond()) {
        (0, 0) => "%H:%M",
        (_, 0) => "%H:%M:%S",
        _ => "%H:%M:%S%.3f",
    };
    write!(f, "{}", time.strftime(format))
}

#[cfg(test)]
mod tests {
    use super::super::words::words;
    use super::*;

    #[test]
    fn lengths_of_time_are_read() {
        for (typed, printed, taken) in [
            ("2h", "2h", 1),
            ("2 hours of tests", "2h", 2),
            ("30m.", "30m", 1),
            ("1h30m", "90m", 1),
            ("1 hour 30 minutes", "90m", 4),
            ("an hour", "1h", 2),
            ("7D", "7d", 1),
            ("2 weeks", "14d", 2),
            ("45s", "45s", 1),
        ] {
            let (period, used) = length(&words(typed)).expect(typed);
            assert_eq!((period.to_string().as_str(), used), (printed, taken), "{typed}");
        }
        for wrong in [
            "",
            "2",
            "h",
            "a hotfix",
            "0h",
            "2x",
            "99999999999999999999h",
            "9999999d",
            "-2h",
            "\"2h\"",
            "2é",
            "1y",
            "1 month",
            "1500ms",
            "PT2H",
        ] {
            assert_eq!(length(&words(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn points_of_time_are_read() {
        for (typed, printed, taken) in [
            ("17:00", "17:00", 1),
            ("5pm", "17:00", 1),
            ("12:15AM", "00:15", 1),
            ("2026-11-01", "2026-11-01", 1),
            ("2026-11-01 9:30 x", "2026-11-01 09:30", 2),
            ("2026-11-01T09:30:10", "2026-11-01 09:30:10", 1),
            ("2026-11-01 09:30:00.025", "2026-11-01 09:30:00.025", 2),
            ("9:30:10.5", "09:30:10.500", 1),
        ] {
            let (period, used) = point(&words(typed)).expect(typed);
            assert_eq!((period.to_string().as_str(), used), (printed, taken), "{typed}");
        }
        for wrong in [
            "",
            "17",
            "25:00",
            "13pm",
            "2026-13-01",
            "noon",
            "26-11-01",
            "1:2:3:4",
            "9:30.500",
            "9:30:10.1234",
        ] {
            assert_eq!(point(&words(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn an_end_may_be_a_day_by_its_name() {
        // A Saturday.
        let now: Timestamp = "2026-11-28T16:30:00Z".parse().unwrap();
        for (typed, printed, taken, ends) in [
            ("tomorrow", "tomorrow", 1, "2026-11-29T09:00:00Z"),
            ("tomorrow 9:30", "tomorrow 09:30", 2, "2026-11-29T09:30:00Z"),
            ("Tomorrow at 5pm.", "tomorrow 17:00", 3, "2026-11-29T17:00:00Z"),
            ("17:00 tomorrow", "tomorrow 17:00", 2, "2026-11-29T17:00:00Z"),
            ("today 18:00 x", "today 18:00", 2, "2026-11-28T18:00:00Z"),
            ("monday", "monday", 1, "2026-11-30T09:00:00Z"),
            ("mon 9:00", "monday 09:00", 2, "2026-11-30T09:00:00Z"),
            ("saturday", "saturday", 1, "2026-12-05T09:00:00Z"),
            ("saturday 17:00", "saturday 17:00", 2, "2026-11-28T17:00:00Z"),
            ("saturday 16:00", "saturday 16:00", 2, "2026-12-05T16:00:00Z"),
            ("monday the ledger", "monday", 1, "2026-11-30T09:00:00Z"),
            ("17:00", "17:00", 1, "2026-11-28T17:00:00Z"),
            ("9:00", "09:00", 1, "2026-11-29T09:00:00Z"),
            ("2h", "2h", 1, "2026-11-28T18:30:00Z"),
            ("2026-12-01", "2026-12-01", 1, "2026-12-01T00:00:00Z"),
        ] {
            let (period, used) = end(&words(typed)).expect(typed);
            let at = period.end(now).map(|at| at.to_string());
            assert_eq!(
                (period.to_string().as_str(), used, at.as_deref()),
                (printed, taken, Some(ends)),
                "{typed}"
            );
        }
        for wrong in ["", "yesterday", "next week", "noon", "further notice", "\"tomorrow\""] {
            assert_eq!(end(&words(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn since_takes_a_length_or_a_point_alone() {
        let now: Timestamp = "2026-03-08T12:30:00Z".parse().unwrap();
        for (typed, wanted) in [
            ("7d", Some("2026-03-01T12:30:00Z")),
            ("2 hours", Some("2026-03-08T10:30:00Z")),
            ("2026-03-01", Some("2026-03-01T00:00:00Z")),
            ("2026-03-01 09:15", Some("2026-03-01T09:15:00Z")),
            ("09:15", Some("2026-03-08T09:15:00Z")),
            ("7d or so", None),
            ("yesterday", None),
            ("monday", None),
            ("", None),
        ] {
            assert_eq!(since(typed, now), wanted.map(|at| at.parse().unwrap()), "{typed}");
        }
    }
}
