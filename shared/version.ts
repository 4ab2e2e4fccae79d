// The package's version, for HELLO, `$sys.ping` and `podbus --version`. A test holds it against package.json.

export const VERSION = "0.1.0";
