//! The caller's own account: registering, logging in and out, the profile, the password, the
//! activity.

mod change_email;
mod change_password;
mod confirm_email;
mod confirm_login;
mod list_activity;
mod log_in;
mod log_out;
mod read_identity;
mod read_profile;
mod refresh;
mod register;
mod rename;
mod request_login;
mod resend_verification;
mod verify;
mod verify_email;

use crate::web::endpoint::endpoints;

endpoints! {
    /// The caller's own account.
    Account {
        register::Register,
        log_in::LogIn,
        refresh::Refresh,
        log_out::LogOut,
        change_password::ChangePassword,
        read_profile::ReadProfile,
        read_identity::ReadIdentity,
        verify::Verify,
        rename::Rename,
        list_activity::ListActivity,
        verify_email::VerifyEmail,
        resend_verification::ResendVerification,
        change_email::ChangeEmail,
        confirm_email::ConfirmEmail,
        request_login::RequestLogin,
        confirm_login::ConfirmLogin,
    }
}
