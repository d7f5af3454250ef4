//! When a stage may change: hours of the week in a time zone, and days without changes.
//!
//! Times are civil times in the named zone: `09:00` is nine o'clock in both summer and winter time. If the zone is missing
//! from the time zone database later, the window is closed and the freeze is on.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use crate::records::codec::as_text;

const DAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "Mon"),
    (Weekday::Tuesday, "Tue"),
    (Weekday::Wednesday, "Wed"),
    (Weekday::Thursday, "Thu"),
    (Weekday::Friday, "Fri"),
    (Weekday::Saturday, "Sat"),
    (Weekday::Sunday, "Sun"),
];

/// Hours of a week: `Mon-Fri 09:00-17:00 Europe/Berlin`. Hours that end before they begin continue on the next day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Window {
    /// The days on which it opens, as bits: Monday is the lowest.
    days: u8,
    from: Time,
    to: Time,
    zone: String,
}

/// Days without changes, including the first and the last: `2026-12-20..2027-01-02 Christmas`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Freeze {
    from: Date,
    to: Date,
    zone: String,
    /// The reason, as refusals show it.
    pub reason: String,
}

/// A zone by its name in the IANA database.
fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name)
        .map_err(|_| format!("`{name}` is not a time zone: write it as `Europe/Berlin` or `UTC`"))
}

fn is_zone(word: &str) -> bool {
    word == "UTC" || word.contains('/')
}

fn day(word: &str) -> Option<u32> {
    let short: String = word.chars().take(3).collect();
    let at = DAYS.iter().position(|(_, name)| name.eq_ignore_ascii_case(&short))?;
    u32::try_from(at).ok()
}

/// `Mon-Fri`, `Sat`, `Mon,Wed,Fri`, `daily`.
fn days(text: &str) -> Option<u8> {
    if ["daily", "always", "*"].contains(&text.to_ascii_lowercase().as_str()) {
        return Some(0b111_1111);
    }
    let mut bits = 0_u8;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        // Saturday to Monday is three days, across the end of the week.
        let count = (last + 7 - first) % 7;
        bits |= (0..=count).fold(0, |bits, n| bits | 1 << ((first + n) % 7));
    }
    Some(bits)
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':').unwrap_or((text, "0"));
    // 24:00 is not a civil time: it becomes the last moment of the day.
    let (hour, minute): (i8, i8) = (hour.parse().ok()?, minute.parse().ok()?);
    if (hour, minute) == (24, 0) { Some(Time::MAX) } else { Time::new(hour, minute, 0, 0).ok() }
}

fn clock(time: Time) -> String {
    if time == Time::MAX { "24:00".to_owned() } else { format!("{:02}:{:02}", time.hour(), time.minute()) }
}

impl Window {
    /// Whether it is open at that time; `None` if its zone is unknown here.
    pub fn is_open(&self, at: Timestamp) -> Option<bool> {
        let now = at.to_zoned(zone(&self.zone).ok()?).datetime();
        let opens_on = |date: Date| {
            let bit = DAYS.iter().position(|(weekday, _)| *weekday == date.weekday());
            bit.is_some_and(|bit| self.days & (1 << bit) != 0)
        };
        let (date, time) = (now.date(), now.time());
        Some(if self.from < self.to {
            opens_on(date) && (self.from..self.to).contains(&time)
        } else {
            let since_yesterday = date.yesterday().is_ok_and(opens_on) && time < self.to;
            since_yesterday || opens_on(date) && time >= self.from
        })
    }

    /// When it opens next, after a time at which it is closed.
    pub fn opens(&self, at: Timestamp) -> Option<Timestamp> {
        let zone = zone(&self.zone).ok()?;
        let today = at.to_zoned(zone.clone()).date();
        let days = (0..=8).filter_map(|n| today.checked_add(n.days()).ok());
        let moments = days.filter_map(|date| zone.to_timestamp(date.to_datetime(self.from)).ok());
        moments.filter(|moment| *moment >= at).find(|moment| self.is_open(*moment) == Some(true))
    }

    /// Its zone.
    pub fn zone(&self) -> &str {
        &self.zone
    }
}

impl FromStr for Window {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let shape =
            || format!("`{text}` is not a window: write it as `Mon-Fri 09:00-17:00 Europe/Berlin`, or `off`");
        let words: Vec<&str> = text.split_whitespace().collect();
        let [on, hours, rest @ ..] = words.as_slice() else { return Err(shape()) };
        let zone_name = match rest {
            [] => "UTC",
            [name] => *name,
            _ => return Err(shape()),
        };
        zone(zone_name)?;
        let (from, to) = hours.split_once('-').ok_or_else(shape)?;
        let (from, to) = time(from).zip(time(to)).filter(|(from, to)| from != to).ok_or_else(shape)?;
        let days = days(on).ok_or_else(shape)?;
        Ok(Self { days, from, to, zone: zone_name.to_owned() })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_on = |n: usize| self.days & (1 << (n % 7)) != 0;
        if self.days == 0b111_1111 {
            f.write_str("daily")?;
        } else {
            // Runs of consecutive days, also across the end of the week.
            let starts = (0..7).filter(|n| is_on(*n) && !is_on(n + 6));
            for (nth, start) in starts.enumerate() {
                let length = (1..7).take_while(|n| is_on(start + n)).count();
                f.write_str(if nth > 0 { "," } else { "" })?;
                f.write_str(DAYS[start].1)?;
                if length > 0 {
                    write!(f, "-{}", DAYS[(start + length) % 7].1)?;
                }
            }
        }
        write!(f, " {}-{} {}", clock(self.from), clock(self.to), self.zone)
    }
}

impl Freeze {
    /// Whether it blocks changes at that time; `None` if its zone is unknown here.
    pub fn is_on(&self, at: Timestamp) -> Option<bool> {
        let today = at.to_zoned(zone(&self.zone).ok()?).date();
        Some((self.from..=self.to).contains(&today))
    }
    /// When it ends.
    pub fn ends(&self) -> Option<Timestamp> {
        let after = self.to.tomorrow().ok()?;
        zone(&self.zone).ok()?.to_timestamp(after.to_datetime(Time::midnight())).ok()
    }
}

impl FromStr for Freeze {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let shape =
            || format!("`{text}` is not a freeze: write it as `2026-12-20..2027-01-02 REASON`, or `off`");
        let (first, rest) = text.trim().split_once(' ').ok_or_else(shape)?;
        let (from, to) = first.split_once("..").ok_or_else(shape)?;
        let date = |text: &str| text.parse::<Date>().map_err(|_| shape());
        let (from, to) = (date(from)?, date(to)?);
        if to < from {
            return Err(format!("the freeze `{first}` ends before it starts"));
        }
        let rest = rest.trim();
        let (zone_name, reason) = match rest.split_once(' ') {
            Some((first, reason)) if is_zone(first) && zone(first).is_ok() => (first, reason.trim()),
            _ => ("UTC", rest),
        };
        zone(zone_name)?;
        if reason.is_empty() || is_zone(reason) && zone(reason).is_ok() {
            return Err(shape());
        }
        Ok(Self { from, to, zone: zone_name.to_owned(), reason: reason.to_owned() })
    }
}

impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{} {} {}", self.from, self.to, self.zone, self.reason)
    }
}

as_text!(Window, Freeze);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn window(text: &str) -> Window {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn office_hours_follow_daylight_saving_time() {
        let office = window("Mon-Fri 09:00-17:00 Europe/Berlin");
        for (when, open) in [
            ("2026-11-27T07:59:59Z", false), // Friday, 08:59:59 in winter
            ("2026-11-27T08:00:00Z", true),
            ("2026-11-27T15:59:59Z", true),
            ("2026-11-27T16:00:00Z", false),
            ("2026-11-28T10:00:00Z", false), // Saturday
            ("2026-07-03T07:00:00Z", true),  // 09:00 in summer
            ("2026-07-03T06:59:00Z", false),
        ] {
            assert_eq!(office.is_open(at(when)), Some(open), "{when}");
        }
        assert_eq!(office.opens(at("2026-11-27T16:00:00Z")), Some(at("2026-11-30T08:00:00Z")));
    }

    #[test]
    fn a_window_may_span_midnight_and_the_end_of_the_week() {
        let nights = window("Sat-Sun 22:00-02:00 UTC");
        for (when, open) in [
            ("2026-11-28T22:00:00Z", true),
            ("2026-11-29T01:59:00Z", true),
            ("2026-11-30T01:00:00Z", true), // the night that started on Sunday
            ("2026-11-30T23:00:00Z", false),
            ("2026-11-28T01:00:00Z", false), // the night that started on Friday
        ] {
            assert_eq!(nights.is_open(at(when)), Some(open), "{when}");
        }
        assert_eq!(window("fri-mon 9-24 UTC").to_string(), "Fri-Mon 09:00-24:00 UTC");
        assert_eq!(window("mon,wed,fri 08:30-12 UTC").to_string(), "Mon,Wed,Fri 08:30-12:00 UTC");
        assert_eq!(window("daily 08:00-20:00").to_string(), "daily 08:00-20:00 UTC");
    }

    #[test]
    fn an_invalid_window_or_freeze_is_refused_with_an_example() {
        for wrong in [
            "",
            "Mon-Fri",
            "Mon-Fri 9",
            "Mon-Fri 09:00-09:00",
            "Foo 9-17",
            "Mon 25:00-26:00",
            "Mon 9-17 UTC x",
        ] {
            assert!(wrong.parse::<Window>().unwrap_err().contains("Mon-Fri 09:00-17:00"), "{wrong}");
        }
        assert!("Mon 9-17 Europe/Berlim".parse::<Window>().unwrap_err().contains("not a time zone"));
        for wrong in
            ["", "2026-12-20", "2026-12-20..2027-01-02", "2026-12-20..x y", "2026-12-20..2027-01-02 UTC "]
        {
            assert!(wrong.parse::<Freeze>().is_err(), "{wrong}");
        }
        assert!("2027-01-02..2026-12-20 x".parse::<Freeze>().unwrap_err().contains("before it starts"));
    }

    #[test]
    fn a_freeze_includes_its_first_and_last_day() {
        let freeze: Freeze = "2026-12-20..2026-12-26 Europe/Berlin Christmas sale".parse().unwrap();
        assert_eq!(freeze.reason, "Christmas sale");
        for (when, on) in [
            ("2026-12-19T22:59:59Z", false),
            ("2026-12-19T23:00:00Z", true),
            ("2026-12-26T22:59:59Z", true),
            ("2026-12-26T23:00:00Z", false),
        ] {
            assert_eq!(freeze.is_on(at(when)), Some(on), "{when}");
        }
        assert_eq!(freeze.ends(), Some(at("2026-12-26T23:00:00Z")));
    }

    proptest! {
        #[test]
        fn parsing_inverts_display(days in 1_u8..128, from in 0_i8..24, to in 0_i8..24, minute in 0_i8..60) {
            let (from, to) = (Time::constant(from, minute, 0, 0), Time::constant(to, 0, 0, 0));
            prop_assume!(from != to);
            let window = Window { days, from, to, zone: "Europe/Berlin".into() };
            prop_assert_eq!(window.to_string().parse::<Window>(), Ok(window));
        }

        #[test]
        fn a_closed_window_opens_within_eight_days(seconds in 0_i64..4_000_000_000, days in 1_u8..128) {
            let window = Window {
                days,
                from: Time::constant(9, 0, 0, 0),
                to: Time::constant(17, 0, 0, 0),
                zone: "America/New_York".into(),
            };
            let now = Timestamp::from_second(seconds).unwrap();
            if window.is_open(now) == Some(false) {
                let opens = window.opens(now).unwrap();
                prop_assert!(opens > now && window.is_open(opens) == Some(true));
                let before = opens.checked_sub(1.second()).unwrap();
                prop_assert!(before <= now || window.is_open(before) == Some(false));
            }
        }

        #[test]
        fn no_input_panics(text in ".{0,60}") {
            let _ = (text.parse::<Window>(), text.parse::<Freeze>());
        }
    }
}
