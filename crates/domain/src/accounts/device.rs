use std::net::IpAddr;

/// Parts of the `User-Agent` of browsers, with the browser's name. The first entry that matches is used, since the
/// `User-Agent` of many browsers also contains the names of the browsers that they derive from.
const BROWSERS: [(&str, &str); 10] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("MSIE ", "Internet Explorer"),
    ("Safari/", "Safari"),
];

/// Parts of the `User-Agent` with the name of the operating system; the first match is used.
const SYSTEMS: [(&str, &str); 8] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Darwin", "macOS"),
    ("Linux", "Linux"),
];

/// Texts in a `User-Agent` that precede a version number.
const BEFORE_VERSIONS: [&str; 7] = ["/", "/v", "rv:", "Windows NT ", "Android ", "OS ", "OS X "];

/// The text that precedes the name of an Android build. The name counts as a version number, even if it does not begin
/// with a digit.
const BEFORE_BUILDS: &str = " Build/";

/// The maximum length of the name of an unknown program, in characters.
const PROGRAM_LENGTH: usize = 30;

/// The device that a request came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// The first 255 characters of the `User-Agent` header.
    pub user_agent: Option<String>,
    /// The client's IP address.
    pub ip: Option<IpAddr>,
}

impl Device {
    /// A name for human readers, such as `Firefox on Windows`. An unknown program is named by the letters and hyphens
    /// at the beginning of the `User-Agent`, at most 30. If neither the program nor the system is recognized, the
    /// name is `unknown`. The rest of the `User-Agent` is omitted: mails contain this name, and a client must not be
    /// able to put sentences or links into them.
    #[must_use]
    pub fn label(&self) -> String {
        let agent = self.user_agent.as_deref().unwrap_or_default();
        let named = |names: &[(&str, &'static str)]| {
            names.iter().find(|(mark, _)| agent.contains(mark)).map(|&(_, name)| name.to_owned())
        };
        let program = named(&BROWSERS).or_else(|| {
            let name: String = agent
                .chars()
                .take_while(|c| c.is_ascii_alphabetic() || *c == '-')
                .take(PROGRAM_LENGTH)
                .collect();
            Some(name).filter(|name| !name.is_empty() && name != "Mozilla")
        });
        match (program, named(&SYSTEMS)) {
            (Some(program), Some(system)) => format!("{program} on {system}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => "unknown".to_owned(),
        }
    }

    /// Distinguishes this device from other devices of the same user: the `User-Agent` without version numbers, so that
    /// an update of the browser or the system does not look like a new device. Other numbers stay, since device models
    /// contain them.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut rest = self.user_agent.as_deref().unwrap_or_default();
        let mut kept = String::with_capacity(rest.len());
        while let Some(next) = rest.chars().next() {
            let is_version = kept.ends_with(BEFORE_BUILDS)
                || next.is_ascii_digit() && BEFORE_VERSIONS.iter().any(|before| kept.ends_with(before));
            if is_version {
                rest = rest.trim_start_matches(is_version_character);
            }
            let mut others = rest.chars();
            kept.extend(others.next());
            rest = others.as_str();
        }
        kept
    }
}

/// Whether the character can be part of a version number.
fn is_version_character(character: char) -> bool {
    !character.is_whitespace() && !matches!(character, ';' | ',' | '/' | '(' | ')' | '[' | ']')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(agent: &str) -> Device {
        Device { user_agent: Some(agent.to_owned()), ip: None }
    }

    #[test]
    fn browsers_and_systems_are_recognized() {
        for (agent, label) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 \
                 Safari/537.36 Edg/126.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile \
                 Safari/537.36",
                "Chrome on Android",
            ),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5)", "macOS"),
            ("curl/8.5.0", "curl"),
            ("okhttp/4.12 (Android 14)", "okhttp on Android"),
            ("Mozilla/5.0", "unknown"),
            ("", "unknown"),
        ] {
            assert_eq!(device(agent).label(), label, "{agent}");
        }
        assert_eq!(Device::default().label(), "unknown");
    }

    #[test]
    fn a_label_contains_at_most_one_word_chosen_by_the_client() {
        assert_eq!(device("http://evil.example/login").label(), "http");
        assert_eq!(device("Your account is locked, call 555-1234").label(), "Your");
        assert_eq!(device("evil.example").label(), "evil");
        assert_eq!(device("<b>\r\nBcc: x").label(), "unknown");
        assert_eq!(device(&"a".repeat(255)).label().len(), PROGRAM_LENGTH);
    }

    #[test]
    fn an_update_of_a_browser_is_not_a_new_device() {
        for (old, new) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
                "Mozilla/5.0 (X11; Linux x86_64; rv:129.0) Gecko/20100101 Firefox/129.0.1",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/130.0.0.0 Safari/537.36",
                "Mozilla/5.0 (Windows NT 11.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/131.0.0.0 Safari/537.36",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/17.5 Mobile/15E148 Safari/604.1",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/606.1 (KHTML, like Gecko) \
                 Version/18.0 Mobile/15E302a Safari/605.1",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
                "Mozilla/5.0 (iPad; CPU OS 18_1_1 like Mac OS X) AppleWebKit/605.1.16",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.5 Safari/605.1.15",
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5) Version/18.0 Safari/605.1.15",
            ),
            (
                "Dalvik/2.1.0 (Linux; U; Android 14; SM-G991B Build/UP1A.231005.007)",
                "Dalvik/2.1.0 (Linux; U; Android 15; SM-G991B Build/AP3A.240905.015)",
            ),
            ("CinemaApp/1.0 (iPhone14,3; iOS 17.5.1)", "CinemaApp/1.1-beta2 (iPhone14,3; iOS 18)"),
            ("app/v1.9 (Pixel 8)", "app/v2 (Pixel 8)"),
            ("curl/8.5.0", "curl/8.10.1"),
        ] {
            assert_eq!(device(old).fingerprint(), device(new).fingerprint(), "{old}");
        }
    }

    #[test]
    fn different_devices_have_different_fingerprints() {
        let agents = [
            "device-1",
            "device-2",
            "CinemaApp/1.0 (iPhone14,3; iOS 17.5)",
            "CinemaApp/1.0 (iPhone15,2; iOS 17.5)",
            "Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
            "Dalvik/2.1.0 (Linux; U; Android 14; SM-G991B Build/UP1A.231005.007)",
            "Dalvik/2.1.0 (Linux; U; Android 14; SM-G996B Build/UP1A.231005.007)",
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Mozilla/5.0 (X11; Linux i686; rv:128.0) Gecko/20100101 Firefox/128.0",
            "app [FBDV/iPhone14,3;FBSV/17.5]",
            "app [FBDV/iPhone15,2;FBSV/17.5]",
            "curl/8.5.0",
            "",
        ];
        let fingerprints: std::collections::BTreeSet<_> =
            agents.iter().map(|agent| device(agent).fingerprint()).collect();
        assert_eq!(fingerprints.len(), agents.len(), "{fingerprints:#?}");
        assert_eq!(Device::default().fingerprint(), "");
    }
}
