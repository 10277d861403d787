use std::net::IpAddr;

/// What a `User-Agent` holds when a browser sent it, and the browser's name: the first that is found counts, since each
/// names those it descends from too.
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

/// The same for systems.
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

/// The longest name of an unknown program that is told.
const PROGRAM_LENGTH: usize = 30;

/// Where a sign-in came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// The `User-Agent` header, cut to 255 characters.
    pub user_agent: Option<String>,
    /// The client's address.
    pub ip: Option<IpAddr>,
}

impl Device {
    /// What people call it, such as `Firefox on Windows`. The caller chose the `User-Agent`, so nothing else of its text is
    /// told: a mail must not carry a stranger's words or links.
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

    /// What tells this device from others of the same user: its `User-Agent` without version numbers, so that an update of
    /// the browser or the system makes no new device of it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let agent = self.user_agent.as_deref().unwrap_or_default();
        agent.chars().filter(|c| !c.is_ascii_digit() && !matches!(c, '.' | '_')).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(agent: &str) -> Device {
        Device { user_agent: Some(agent.to_owned()), ip: None }
    }

    #[test]
    fn browsers_and_systems_are_called_by_their_names() {
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
    fn a_label_carries_no_words_of_a_stranger() {
        assert_eq!(device("http://evil.example/login").label(), "http");
        assert_eq!(device("Your account is locked, call 555-1234").label(), "Your");
        assert_eq!(device("evil.example").label(), "evil");
        assert_eq!(device("<b>\r\nBcc: x").label(), "unknown");
        assert_eq!(device(&"a".repeat(255)).label().len(), PROGRAM_LENGTH);
    }

    #[test]
    fn an_update_makes_no_new_device() {
        let old = device("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
        let new = device("Mozilla/5.0 (X11; Linux x86_64; rv:129.0) Gecko/20100101 Firefox/129.0.1");
        assert_eq!(old.fingerprint(), new.fingerprint());
        assert_ne!(old.fingerprint(), device("curl/8.5.0").fingerprint());
        assert_ne!(old.fingerprint(), Device::default().fingerprint());
    }
}
