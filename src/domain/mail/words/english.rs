//! English.

use super::{Labels, Wording};
use crate::domain::mail::MailKind;

pub(super) static LABELS: Labels = Labels {
    code: "Code",
    new_email: "New address",
    at: "Time",
    device: "Device",
    country: "Country",
    link_lasts: "The link is valid for {time} and works once.",
    code_lasts: "The code is valid for {time} and works once.",
    units: [["minute", "minutes"], ["hour", "hours"], ["day", "days"]],
    copy: "If the button does not work, copy this address into your browser:",
    devices: &[],
};

pub(super) const fn wording(kind: MailKind) -> &'static Wording {
    match kind {
        MailKind::ResetPassword => &Wording {
            subject: "Reset your {product} password",
            intro: "Someone asked to reset the password of your {product} account.",
            prompt: "If it was you, choose a new password here:",
            action: "Choose a new password",
            closing: "If it was not you, you can ignore this e-mail. Your password has not \
                      changed.",
        },
        MailKind::VerifyEmail => &Wording {
            subject: "Confirm your address for {product}",
            intro: "Someone registered with {product} and gave this e-mail address.",
            prompt: "If it was you, confirm that the address is yours:",
            action: "Confirm this address",
            closing: "If it was not you, you can ignore this e-mail. The address then remains \
                      unconfirmed.",
        },
        MailKind::AlreadyRegistered => &Wording {
            subject: "You already have an account at {product}",
            intro: "Someone tried to register with {product} and gave this e-mail address, which \
                    already has an account. Nothing has changed.",
            prompt: "If it was you, log in as usual. If you have forgotten your password, you \
                     can reset it on the login page.",
            action: "Go to the login page",
            closing: "If it was not you, you can ignore this e-mail.",
        },
        MailKind::ConfirmEmail => &Wording {
            subject: "Confirm your new address for {product}",
            intro: "Someone wants to use this e-mail address for an account at {product}.",
            prompt: "If it was you, confirm that the address is yours:",
            action: "Confirm this address",
            closing: "If it was not you, you can ignore this e-mail. The account then keeps its \
                      old address.",
        },
        MailKind::EmailChanged => &Wording {
            subject: "Your {product} account has a new address",
            intro: "The e-mail address of your {product} account has been changed.",
            prompt: "If it was not you, undo the change. That ends all sessions, and you choose \
                     a new password.",
            action: "Undo the change",
            closing: "If it was you, there is nothing to do.",
        },
        MailKind::PasswordChanged => &Wording {
            subject: "Your {product} password has changed",
            intro: "The password of your {product} account has been changed.",
            prompt: "If it was not you, reset your password at once. That ends all sessions.",
            action: "Reset the password",
            closing: "If it was you, there is nothing to do.",
        },
        MailKind::PasswordRemoved => &Wording {
            subject: "Your {product} password was removed",
            intro: "Someone logged in to your {product} account by e-mail. That has confirmed this \
                    address for the first time, so the password and all sessions from before have \
                    ended. Another person may have set them up.",
            prompt: "To use a password, choose a new one. If it was not you, choose one at once.",
            action: "Choose a new password",
            closing: "If it was you and you need no password, there is nothing to do.",
        },
        MailKind::NewLogin => &Wording {
            subject: "New login to your {product} account",
            intro: "Someone logged in to your {product} account from a device and a country that \
                    it has not been used from before.",
            prompt: "If it was not you, end all sessions and choose a new password.",
            action: "This was not me",
            closing: "If it was you, there is nothing to do.",
        },
        MailKind::LoginLink => &Wording {
            subject: "Log in to {product}",
            intro: "Someone asked to log in to your {product} account without a password.",
            prompt: "If it was you, open this link in the browser in which you asked for it. It \
                     works in no other one.",
            action: "Log in",
            closing: "If it was not you, you can ignore this e-mail.",
        },
        MailKind::LoginCode => &Wording {
            subject: "Your code for {product}",
            intro: "Someone asked to log in to your {product} account without a password.",
            prompt: "If it was you, enter the code in the browser in which you asked for it. \
                     Never tell it to anyone, and never enter it anywhere else.",
            action: "",
            closing: "If it was not you, you can ignore this e-mail.",
        },
    }
}
