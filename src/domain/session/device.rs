//! A label for a device that its owner recognises: "Firefox on Windows".
//!
//! A short table replaces a parser: people tell their own few devices apart by program and system,
//! and the user agents of browsers have been frozen for years. The maintained crates contain
//! hundreds of regular expressions.

/// Pairs of a mark in a `User-Agent` and the name that it indicates.
type Table = [(&'static str, &'static str)];

/// Programs by a mark in their `User-Agent`, the more specific first: almost all browsers also
/// claim to be Chrome and Safari, and apps on Apple's systems contain `CFNetwork` beside their own
/// names.
const PROGRAMS: &Table = &[
    ("EdgiOS/", "Edge"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex Browser"),
    ("Vivaldi/", "Vivaldi"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("MiuiBrowser/", "Mi Browser"),
    ("UCBrowser/", "UC Browser"),
    ("Silk/", "Silk"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("GSA/", "Google app"),
    ("FBAN/", "Facebook app"),
    ("FBAV/", "Facebook app"),
    ("Instagram ", "Instagram app"),
    ("MicroMessenger/", "WeChat app"),
    ("Electron/", "Desktop app"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("; wv)", "Android app"),
    ("Chromium/", "Chromium"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
    ("Safari/", "Safari"),
    ("CFNetwork/", "Apple app"),
    ("Alamofire/", "Apple app"),
    ("okhttp/", "Android app"),
    ("ktor-client", "Kotlin app"),
    ("Dalvik/", "Android app"),
    ("Dart/", "Dart app"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("HTTPie/", "HTTPie"),
    ("PostmanRuntime/", "Postman"),
    ("insomnia/", "Insomnia"),
    ("python-requests/", "Python (requests)"),
    ("python-httpx/", "Python (httpx)"),
    ("aiohttp/", "Python (aiohttp)"),
    ("Python-urllib/", "Python"),
    ("Go-http-client/", "Go program"),
    ("Apache-HttpClient/", "Java program"),
    ("Java-http-client/", "Java program"),
    ("Java/", "Java program"),
    ("reqwest/", "Rust program"),
    ("ureq/", "Rust program"),
    ("GuzzleHttp/", "PHP program"),
    ("Symfony HttpClient", "PHP program"),
    ("Faraday ", "Ruby program"),
    ("RestSharp/", ".NET program"),
    ("libwww-perl/", "Perl program"),
    ("axios/", "Node.js"),
    ("node-fetch", "Node.js"),
    ("got (", "Node.js"),
    ("undici", "Node.js"),
    ("Bun/", "Bun"),
    ("Deno/", "Deno"),
];

/// Systems by a mark in their `User-Agent`, the more specific first: Android also claims to be
/// Linux.
const SYSTEMS: &Table = &[
    ("iPhone", "iOS"),
    ("iPod", "iOS"),
    ("iPad", "iPadOS"),
    ("iOS ", "iOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("macOS", "macOS"),
    ("Linux", "Linux"),
];

/// Marks of browsers on an iPhone or an iPad only. Together with `Macintosh` they indicate an iPad
/// that requests desktop pages.
const TOUCH_ONLY: [&str; 6] = ["CriOS/", "FxiOS/", "EdgiOS/", "OPT/", "GSA/", " Mobile/"];

/// Returns the program and the system, as far as the user agent reveals them.
#[must_use]
pub fn label(user_agent: Option<&str>) -> String {
    let user_agent = user_agent.unwrap_or_default();
    let program = find(PROGRAMS, user_agent).or({
        // Compared as a whole, because other user agents contain these words.
        match user_agent {
            "node" => Some("Node.js"),
            "Ruby" => Some("Ruby program"),
            _ => None,
        }
    });
    let system = find(SYSTEMS, user_agent).map(|system| refine(system, program, user_agent));
    match (program, system) {
        (Some("Android app"), Some("Android")) => "Android app".to_owned(),
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    }
}

/// Refines the system of an Apple device. The user agent of Safari on an iPad is that of a Mac,
/// byte for byte, so the label names both.
fn refine(system: &'static str, program: Option<&str>, user_agent: &str) -> &'static str {
    if system != "macOS" {
        return system;
    }
    if TOUCH_ONLY.iter().any(|mark| user_agent.contains(mark)) {
        return "iPadOS";
    }
    if program == Some("Safari") {
        return "Mac or iPad";
    }
    system
}

/// Returns the name of the first mark that the user agent contains.
fn find(table: &Table, user_agent: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(mark, _)| user_agent.contains(mark))
        .map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn common_user_agents_are_recognised() {
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
                "Chrome on iOS",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                "Chrome on macOS",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on macOS",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64)", "Linux"),
            ("something else", "Unknown device"),
        ] {
            assert_eq!(label(Some(user_agent)), expected, "{user_agent}");
        }
        assert_eq!(label(None), "Unknown device");
    }

    #[test]
    fn an_ipad_is_not_taken_for_a_mac() {
        for (user_agent, expected) in [
            // Safari on an iPad since iPadOS 13, and on a Mac: the same bytes.
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                "Safari on Mac or iPad",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Mobile/15E148 Safari/604.1",
                "Safari on iPadOS",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140 Version/11.1.1 Safari/605.1.15",
                "Chrome on iPadOS",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/140.0 Safari/605.1.15",
                "Firefox on iPadOS",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 EdgiOS/140.0 Mobile/15E148 Safari/605.1.15",
                "Edge on iPadOS",
            ),
        ] {
            assert_eq!(label(Some(user_agent)), expected, "{user_agent}");
        }
    }

    #[test]
    fn apps_and_programs_are_recognised() {
        for (user_agent, expected) in [
            ("okhttp/4.12.0", "Android app"),
            ("okhttp/5.0.0-alpha.14", "Android app"),
            (
                "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8)",
                "Android app",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/140.0 Mobile Safari/537.36",
                "Android app",
            ),
            ("MyApp/1 CFNetwork/1568.100.1 Darwin/24.0.0", "Apple app"),
            ("Shop/42 CFNetwork/1410.0.3 Darwin/22.6.0", "Apple app"),
            ("Dart/3.4 (dart:io)", "Dart app"),
            ("python-requests/2.32.3", "Python (requests)"),
            ("python-httpx/0.27.0", "Python (httpx)"),
            ("Python/3.12 aiohttp/3.9.5", "Python (aiohttp)"),
            ("Python-urllib/3.12", "Python"),
            ("Java-http-client/17.0.12", "Java program"),
            ("Java/17.0.12", "Java program"),
            ("Apache-HttpClient/5.3 (Java/17)", "Java program"),
            ("Go-http-client/2.0", "Go program"),
            ("axios/1.7.2", "Node.js"),
            ("node", "Node.js"),
            ("undici", "Node.js"),
            ("curl/8.14.1", "curl"),
            ("Wget/1.24.5", "Wget"),
            ("PostmanRuntime/7.39.0", "Postman"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Slack/4.38 Chrome/124.0 Electron/30.0 Safari/537.36",
                "Desktop app on Windows",
            ),
            ("Nodens/1.0", "Unknown device"),
            ("Ruby", "Ruby program"),
            ("Rubyist/1.0", "Unknown device"),
            ("ktor-client", "Kotlin app"),
            (
                "Shop/1.0 (org.example.Shop; build:1; iOS 18.0.0) Alamofire/5.9.1",
                "Apple app on iOS",
            ),
            (
                "Expo/1017756 CFNetwork/1568.100.1 Darwin/24.0.0",
                "Apple app",
            ),
            (
                "Mozilla/5.0 (Linux; Android 12; JAD-LX9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0 HuaweiBrowser/15.0 Mobile Safari/537.36",
                "Huawei Browser on Android",
            ),
        ] {
            assert_eq!(label(Some(user_agent)), expected, "{user_agent}");
        }
    }
}
