//! Sites: which hosts a browser treats as one site, and for which domains it accepts no cookie.
//!
//! Browsers use the Public Suffix List, which has ten thousand rules. This module contains the part
//! that an operator might configure by mistake: the general second levels of countries, the regions
//! of some, and the shared domains of well-known platforms. Any other suffix (of a city, or of a
//! smaller host) is treated as a registered domain; browsers still reject a cookie for it.

/// General second levels, each with the two-letter codes of the countries that register names below
/// it. From the ICANN section of the Public Suffix List.
const SECOND_LEVELS: [(&str, &str); 21] = [
    (
        "ac",
        concat!(
            "aeatbecicncrcyfjgnidiliminirjpkekrlklsmamemumwmzninzpaprrsrwseszthtjtzugukvnza",
            "zmzw",
        ),
    ),
    ("biz", "azbbcyetfjidinkilsmvmwmyninrpkplprsstjtrttvnzm"),
    (
        "co",
        concat!(
            "aeagamaoatbbbibjbwciclcmcrggglgyhuidiliminiritjejpkekrlclsmamemgmumwmznaninzom",
            "pnpwrsrwstszthtjtmtttzugukusuzvevizazmzw",
        ),
    ),
    (
        "com",
        concat!(
            "acafagaialamarauawazbabbbhbibjbmbnbobrbsbtbybzcicmcncocucvcwcydmdodzeceeegeset",
            "fjfmfrgeghgiglgngpgrgtgugyhkhnhrhtiminioiqisjokgkikmkpkwkykzlalblclklrlvlymgmk",
            "mlmomsmtmumvmwmxmynanfngninrompapepfphpkplprpsptpyqarerosasbscsdsgshslsnsossst",
            "svsytjtmtntotrtttwuauguyuzvcvevivnvuwsyezm",
        ),
    ),
    (
        "edu",
        concat!(
            "acafalarauazbabbbhbibjbmbnbobrbsbtbzcicncocucvcwdmdodzeceeegesetfmgdgeghgiglgn",
            "gpgrgtgugyhkhnhtiniqisitjokgkikmknkpkwkykzlalblclklrlslvlymemgmkmlmnmomsmtmvmw",
            "mxmymzngninrompapepfphpkplpnprpsptpyqarssasbscsdsgslsnsossstsvsytjtmtotrtttwua",
            "uyvcvevnvuwsyezazm",
        ),
    ),
    ("go", "cicriditjpkekrpwthtjtzug"),
    ("gob", "arbocldoecesgthnmxnipapepksvve"),
    ("gouv", "cifrhtkmmlsn"),
    (
        "gov",
        concat!(
            "acaeafalarasauazbabbbfbhbmbnbrbsbtbybzcdclcmcncocucxcydmdodzeceeegetfjgdgeghgi",
            "gngrgugyhkieiliniqirisitjokgkikmknkpkwkzlalblclklrlsltlvlymamemgmkmlmnmomrmsmu",
            "mvmwmymzngnromphpkplpnprpsptpyqarsrwsasbscsdsgshslsosssxsytjtltmtntotrtttwuauk",
            "vcvevnwsyezazmzw",
        ),
    ),
    ("id", "auirlvlyus"),
    ("in", "nanirsthuaus"),
    (
        "info",
        "auazbbbjbocoecetfjguhthuinkekilalsmvnanfninrpkplprrosdtntrtttzvevnzm",
    ),
    ("me", "initkesosstzukus"),
    (
        "mil",
        concat!(
            "acaealarazbabobrbyclcncocydoecegfjgeghgthnidiniqjokgkmkrkzlvmgmvmymzngninonzpe",
            "phplpyqarwshstsytjtmtotrtwtzuyvcveyezazmzw",
        ),
    ),
    ("ne", "jpkekrpwtzugus"),
    (
        "net",
        concat!(
            "acaeafagaialamarauazbabbbhbjbmbnbobrbsbtbzcicmcncocucwcydmdodzecegetfjfmgegggl",
            "gngpgrgtgugyhkhnhtidiliminiqirisjejokgkiknkwkykzlalblclklrlslvlymamemkmlmomsmt",
            "mumvmwmxmymznfngninrnzompapephpkplpnprpsptpyqarwsasbscsdsgshslsossstsythtjtmtn",
            "totrtttwuaukuyuzvcvevivnvuwsyezazm",
        ),
    ),
    ("nom", "adagcoesfrkmmgncnipapeplrerotmveza"),
    ("or", "atbicicriditjpkekrmunapwthtzugus"),
    (
        "org",
        concat!(
            "acaeafagaialamarauazbabbbhbibjbmbnbobrbsbtbwbzcicncocucvcwcydmdodzeceeegesetfj",
            "fmgeggghgiglgngpgrgtgugyhkhnhthuiliminiqirisjejokgkikmknkpkwkykzlalblclklrlslv",
            "lymamemgmkmlmnmomsmtmumvmwmxmymznangninrnzompapepfphpkplpnprpsptpyqarorsrwsasb",
            "scsdsesgshslsnsossstsvsysztjtmtntotrtttwuaugukuyuzvcvevivnvuwsyezazmzw",
        ),
    ),
    ("sch", "aeidirjolklyngqasasszm"),
    ("web", "bocodoguidlknfnipktjtrveza"),
];

/// Other second levels of single countries, mostly regions. From the ICANN section of the Public
/// Suffix List.
const REGIONS: [(&str, &str); 7] = [
    ("au", "act asn nsw nt qld sa tas vic wa"),
    ("ca", "ab bc gc mb nb nf nl ns nt nu on pe qc sk yk"),
    ("fr", "asso com gouv nom prd tm"),
    (
        "jp",
        concat!(
            "ad aichi akita aomori chiba ed ehime fukui fukuoka fukushima gifu gr gunma hiroshima hokkaido hyogo ",
            "ibaraki ishikawa iwate kagawa kagoshima kanagawa kochi kumamoto kyoto lg mie miyagi miyazaki nagano ",
            "nagasaki nara niigata oita okayama okinawa osaka saga saitama shiga shimane shizuoka tochigi ",
            "tokushima tokyo tottori toyama wakayama yamagata yamaguchi yamanashi",
        ),
    ),
    ("nz", "cri geek gen govt health iwi kiwi maori school"),
    ("uk", "ltd nhs plc police"),
    (
        "us",
        concat!(
            "ak al ar az ca co ct dc de fl ga hi ia id il in ks ky la ma md me mi mn mo ms mt nc nd ne nh nj nm ",
            "nv ny oh ok or pa ri sc sd tn tx ut va vt wa wi wv wy",
        ),
    ),
];

/// Countries in which every second level is a suffix. From the ICANN section of the Public Suffix
/// List.
const WHOLE_COUNTRIES: &str = "bdckerfkjmkhmmnppg";

/// Domains of platforms that let customers use names below them. From the private section of the
/// Public Suffix List.
const PLATFORMS: [&str; 33] = [
    "amplifyapp.com",
    "appspot.com",
    "azurestaticapps.net",
    "azurewebsites.net",
    "blogspot.com",
    "br.com",
    "cloudfront.net",
    "cn.com",
    "de.com",
    "deno.dev",
    "eu.com",
    "eu.org",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "myshopify.com",
    "netlify.app",
    "ngrok-free.app",
    "ngrok.app",
    "ngrok.io",
    "onrender.com",
    "pages.dev",
    "replit.app",
    "run.app",
    "trycloudflare.com",
    "uk.com",
    "us.com",
    "vercel.app",
    "web.app",
    "webflow.io",
    "workers.dev",
];

/// Returns whether names below this domain belong to different owners, so that browsers reject a
/// cookie for it: a single label, or one of the suffixes listed here.
#[must_use]
pub fn is_public_suffix(domain: &str) -> bool {
    let Some((second, top)) = domain.split_once('.') else {
        return true;
    };
    let is_listed = SECOND_LEVELS
        .iter()
        .any(|(level, countries)| *level == second && lists(countries, top));
    let is_region = REGIONS.iter().any(|(country, regions)| {
        *country == top && regions.split(' ').any(|region| region == second)
    });
    let is_whole = !second.contains('.') && lists(WHOLE_COUNTRIES, top);
    is_listed || is_region || is_whole || PLATFORMS.contains(&domain)
}

/// Returns whether a host is an IP address. Browsers parse a host whose last label is a number as
/// IPv4.
#[must_use]
pub fn is_ip_address(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    host.starts_with('[') || (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns whether a host is this domain or a name below it.
#[must_use]
pub fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Returns the site of a host: its registrable domain. An IP address, or a name without a dot, is
/// its own site.
#[must_use]
pub fn site(host: &str) -> &str {
    if is_ip_address(host) {
        return host;
    }
    let mut site = host;
    while let Some((_, parent)) = site.split_once('.') {
        if is_public_suffix(parent) {
            break;
        }
        site = parent;
    }
    site
}

/// Returns whether a run of two-letter codes contains this one.
fn lists(countries: &str, country: &str) -> bool {
    country.len() == 2
        && countries
            .as_bytes()
            .chunks_exact(2)
            .any(|code| code == country.as_bytes())
}

#[cfg(test)]
mod tests;
