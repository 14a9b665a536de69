//! An account of one's own: registering, logging in and out, the profile, the password, the activity.

mod change_password;
mod list_activity;
mod log_in;
mod log_out;
mod read_profile;
mod refresh;
mod register;
mod rename;

use crate::web::endpoint::endpoints;
use change_password::ChangePassword;
use list_activity::ListActivity;
use log_in::LogIn;
use log_out::LogOut;
use read_profile::ReadProfile;
use refresh::Refresh;
use register::Register;
use rename::Rename;

endpoints! {
    /// An account of one's own.
    Account {
        Register,
        LogIn,
        Refresh,
        LogOut,
        ChangePassword,
        ReadProfile,
        Rename,
        ListActivity,
    }
}
