//! German.

use super::{Labels, Wording};
use crate::domain::mail::MailKind;

pub(super) static LABELS: Labels = Labels {
    code: "Code",
    new_email: "Neue Adresse",
    at: "Zeit",
    device: "Gerät",
    country: "Land",
    link_lasts: "Der Link ist {time} gültig und funktioniert einmal.",
    code_lasts: "Der Code ist {time} gültig und funktioniert einmal.",
    units: [
        ["Minute", "Minuten"],
        ["Stunde", "Stunden"],
        ["Tag", "Tage"],
    ],
    copy: "Falls die Schaltfläche nicht funktioniert, kopieren Sie diese Adresse in Ihren \
           Browser:",
    devices: &[
        [" on ", " unter "],
        ["Mac or iPad", "Mac oder iPad"],
        ["Unknown device", "Unbekanntes Gerät"],
    ],
};

pub(super) const fn wording(kind: MailKind) -> &'static Wording {
    match kind {
        MailKind::ResetPassword => &Wording {
            subject: "Ihr Passwort bei {product} zurücksetzen",
            intro: "Jemand möchte das Passwort Ihres Kontos bei {product} zurücksetzen.",
            prompt: "Falls Sie es waren, wählen Sie hier ein neues Passwort:",
            action: "Neues Passwort wählen",
            closing: "Falls Sie es nicht waren, können Sie diese E-Mail ignorieren. Ihr Passwort \
                      ist unverändert.",
        },
        MailKind::VerifyEmail => &Wording {
            subject: "Bestätigen Sie Ihre Adresse für {product}",
            intro: "Jemand hat sich bei {product} registriert und diese E-Mail-Adresse \
                    angegeben.",
            prompt: "Falls Sie es waren, bestätigen Sie, dass die Adresse Ihnen gehört:",
            action: "Adresse bestätigen",
            closing: "Falls Sie es nicht waren, können Sie diese E-Mail ignorieren. Die Adresse \
                      bleibt dann unbestätigt.",
        },
        MailKind::AlreadyRegistered => &Wording {
            subject: "Sie haben schon ein Konto bei {product}",
            intro: "Jemand wollte sich bei {product} mit dieser E-Mail-Adresse registrieren, die \
                    schon ein Konto hat. Es hat sich nichts geändert.",
            prompt: "Falls Sie es waren, melden Sie sich wie gewohnt an. Haben Sie Ihr Passwort \
                     vergessen, können Sie es auf der Anmeldeseite zurücksetzen.",
            action: "Zur Anmeldeseite",
            closing: "Falls Sie es nicht waren, können Sie diese E-Mail ignorieren.",
        },
        MailKind::ConfirmEmail => &Wording {
            subject: "Bestätigen Sie Ihre neue Adresse für {product}",
            intro: "Jemand möchte diese E-Mail-Adresse für ein Konto bei {product} verwenden.",
            prompt: "Falls Sie es waren, bestätigen Sie, dass die Adresse Ihnen gehört:",
            action: "Adresse bestätigen",
            closing: "Falls Sie es nicht waren, können Sie diese E-Mail ignorieren. Das Konto \
                      behält dann seine alte Adresse.",
        },
        MailKind::EmailChanged => &Wording {
            subject: "Ihr Konto bei {product} hat eine neue Adresse",
            intro: "Die E-Mail-Adresse Ihres Kontos bei {product} wurde geändert.",
            prompt: "Falls Sie es nicht waren, machen Sie die Änderung rückgängig. Das beendet \
                     alle Sitzungen, und Sie wählen ein neues Passwort.",
            action: "Änderung rückgängig machen",
            closing: "Falls Sie es waren, ist nichts zu tun.",
        },
        MailKind::PasswordChanged => &Wording {
            subject: "Ihr Passwort bei {product} wurde geändert",
            intro: "Das Passwort Ihres Kontos bei {product} wurde geändert.",
            prompt: "Falls Sie es nicht waren, setzen Sie Ihr Passwort sofort zurück. Das \
                     beendet alle Sitzungen.",
            action: "Passwort zurücksetzen",
            closing: "Falls Sie es waren, ist nichts zu tun.",
        },
        MailKind::PasswordRemoved => &Wording {
            subject: "Ihr Passwort bei {product} wurde entfernt",
            intro: "Jemand hat sich per E-Mail bei Ihrem Konto von {product} angemeldet. Damit ist \
                    diese Adresse zum ersten Mal bestätigt, und das Passwort und alle Sitzungen von \
                    vorher sind beendet. Eine andere Person kann sie eingerichtet haben.",
            prompt: "Wenn Sie ein Passwort benutzen möchten, wählen Sie ein neues. Falls Sie es \
                     nicht waren, tun Sie das sofort.",
            action: "Neues Passwort wählen",
            closing: "Falls Sie es waren und kein Passwort brauchen, ist nichts zu tun.",
        },
        MailKind::NewLogin => &Wording {
            subject: "Neue Anmeldung bei {product}",
            intro: "Jemand hat sich mit Ihrem Konto bei {product} angemeldet, mit einem Gerät \
                    und aus einem Land, von denen aus es bisher nicht benutzt wurde.",
            prompt: "Falls Sie es nicht waren, beenden Sie alle Sitzungen und wählen Sie ein \
                     neues Passwort.",
            action: "Das war ich nicht",
            closing: "Falls Sie es waren, ist nichts zu tun.",
        },
        MailKind::LoginLink => &Wording {
            subject: "Bei {product} anmelden",
            intro: "Jemand möchte sich ohne Passwort bei Ihrem Konto von {product} anmelden.",
            prompt: "Falls Sie es waren, öffnen Sie diesen Link in dem Browser, in dem Sie ihn \
                     angefordert haben. In einem anderen funktioniert er nicht.",
            action: "Anmelden",
            closing: "Falls Sie es nicht waren, können Sie diese E-Mail ignorieren.",
        },
        MailKind::LoginCode => &Wording {
            subject: "Ihr Code für {product}",
            intro: "Jemand möchte sich ohne Passwort bei Ihrem Konto von {product} anmelden.",
            prompt: "Falls Sie es waren, geben Sie den Code in dem Browser ein, in dem Sie ihn \
                     angefordert haben. Nennen Sie ihn niemandem, und geben Sie ihn nirgendwo \
                     sonst ein.",
            action: "",
            closing: "Falls Sie es nicht waren, können Sie diese E-Mail ignorieren.",
        },
    }
}
