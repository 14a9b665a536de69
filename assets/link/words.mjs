/**
 * What the page of links says, in the languages of the mails.
 *
 * @typedef {object} Action
 * @property {string} path Where the token is sent.
 * @property {"newPassword" | "email"} [field] What the person enters.
 * @property {{ title: string, intro: string, button: string, done: string }} en
 * @property {{ title: string, intro: string, button: string, done: string }} de
 */

/**
 * By the purpose in a link's fragment.
 *
 * @type {Record<string, Action>}
 */
export const ACTIONS = {
  "reset-password": {
    path: "/api/recovery/reset",
    field: "newPassword",
    en: {
      title: "Choose a new password",
      intro: "Every session of your account ends, on all devices.",
      button: "Save the password",
      done: "Your password has been changed. You can log in now.",
    },
    de: {
      title: "Neues Passwort wählen",
      intro: "Alle Sitzungen Ihres Kontos enden, auf allen Geräten.",
      button: "Passwort speichern",
      done: "Ihr Passwort ist geändert. Sie können sich jetzt anmelden.",
    },
  },
  "verify-email": {
    path: "/api/account/verify-email",
    en: {
      title: "Confirm your address",
      intro: "Confirm only if you have registered yourself.",
      button: "Confirm this address",
      done: "Your address is confirmed. You can log in now.",
    },
    de: {
      title: "Adresse bestätigen",
      intro: "Bestätigen Sie nur, wenn Sie sich selbst registriert haben.",
      button: "Adresse bestätigen",
      done: "Ihre Adresse ist bestätigt. Sie können sich jetzt anmelden.",
    },
  },
  "confirm-email": {
    path: "/api/account/email/confirm",
    en: {
      title: "Confirm your new address",
      intro: "Your account then has this address, and the other sessions end.",
      button: "Confirm this address",
      done: "Your account has the new address.",
    },
    de: {
      title: "Neue Adresse bestätigen",
      intro: "Ihr Konto hat dann diese Adresse, und die anderen Sitzungen enden.",
      button: "Adresse bestätigen",
      done: "Ihr Konto hat die neue Adresse.",
    },
  },
  "undo-email": {
    path: "/api/recovery/undo-email",
    en: {
      title: "Undo the change of your address",
      intro: "Your account gets its old address back, every session ends, and a mail lets you choose a new password.",
      button: "Undo the change",
      done: "The change is undone. A mail with the link to a new password is on its way.",
    },
    de: {
      title: "Änderung der Adresse rückgängig machen",
      intro:
        "Ihr Konto bekommt die alte Adresse zurück, alle Sitzungen enden, und mit einer E-Mail wählen Sie ein neues Passwort.",
      button: "Rückgängig machen",
      done: "Die Änderung ist rückgängig gemacht. Eine E-Mail mit dem Link zu einem neuen Passwort ist unterwegs.",
    },
  },
  "disown-login": {
    path: "/api/recovery/disown-login",
    en: {
      title: "That was not you?",
      intro: "Every session ends, your password stops working, and a mail lets you choose a new one.",
      button: "End all sessions",
      done: "All sessions have ended. A mail with the link to a new password is on its way.",
    },
    de: {
      title: "Das waren nicht Sie?",
      intro: "Alle Sitzungen enden, Ihr Passwort gilt nicht mehr, und mit einer E-Mail wählen Sie ein neues.",
      button: "Alle Sitzungen beenden",
      done: "Alle Sitzungen sind beendet. Eine E-Mail mit dem Link zu einem neuen Passwort ist unterwegs.",
    },
  },
  "login-link": {
    path: "/api/account/login/confirm",
    en: {
      title: "Log in",
      intro: "This works only in the browser in which you asked for the link.",
      button: "Log in",
      done: "You are logged in.",
    },
    de: {
      title: "Anmelden",
      intro: "Das geht nur in dem Browser, in dem Sie den Link angefordert haben.",
      button: "Anmelden",
      done: "Sie sind angemeldet.",
    },
  },
  forgot: {
    path: "/api/recovery/forgot",
    field: "email",
    en: {
      title: "Reset your password",
      intro: "A mail with a link to a new password goes to this address, if it has an account.",
      button: "Send the mail",
      done: "If the address has an account, a mail is on its way.",
    },
    de: {
      title: "Passwort zurücksetzen",
      intro: "Eine E-Mail mit einem Link zu einem neuen Passwort geht an diese Adresse, wenn sie ein Konto hat.",
      button: "E-Mail senden",
      done: "Wenn die Adresse ein Konto hat, ist eine E-Mail unterwegs.",
    },
  },
};

/** @type {Record<"en" | "de", Record<"newPassword" | "email" | "invalid" | "refused" | "later" | "nothing", string>>} */
export const LABELS = {
  en: {
    newPassword: "New password",
    email: "E-mail address",
    invalid:
      "The link is not valid here: it has expired, has been used, a newer one has replaced it, or it belongs to another browser.",
    refused: "This is not accepted: ",
    later: "That did not work. Please try again in a moment.",
    nothing: "Open the link in the mail once more.",
  },
  de: {
    newPassword: "Neues Passwort",
    email: "E-Mail-Adresse",
    invalid:
      "Der Link gilt hier nicht: Er ist abgelaufen, wurde benutzt, ein neuerer hat ihn ersetzt, oder er gehört zu einem anderen Browser.",
    refused: "Das wird nicht angenommen: ",
    later: "Das hat nicht geklappt. Bitte versuchen Sie es gleich noch einmal.",
    nothing: "Öffnen Sie den Link in der E-Mail noch einmal.",
  },
};
