# What the root scripts need on a machine: checks for it, installs it where that is allowed (apt, as root), else says the line to type.
# Sourced by ./dev and ./test; never run by itself.

missing=() # Debian packages to install
hints=()   # lines for what apt cannot bring
others=()  # ways to do without

need() { # need PACKAGE COMMAND...: the command shows that the package is there
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

need_compiler() {
    need build-essential sh -c 'command -v cc && command -v c++ && command -v make'
    need_openssl
}

# The system's where its headers are; otherwise it is built from its sources, which takes minutes and wants Perl.
need_openssl() {
    if [[ -z ${OPENSSL_NO_VENDOR:-} ]]; then
        if pkg-config --exists 'openssl >= 1.1.1' 2>/dev/null; then return; fi
        echo "OpenSSL's headers are not here (Debian: pkg-config libssl-dev): it is built from its sources, once, in some minutes" >&2
        export OPENSSL_NO_VENDOR=0
    fi
    if [[ $OPENSSL_NO_VENDOR == 0 ]]; then need perl perl -MIPC::Cmd -MFindBin -e 1; fi
}

# rustup installs the toolchain of rust-toolchain.toml by itself; another cargo must be new enough.
need_rust() {
    local wanted have
    command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
    wanted=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
    if command -v rustup >/dev/null; then return; fi
    have=$(rustc --version 2>/dev/null | cut -d' ' -f2) || have=
    if [[ -n $have && $(printf '%s\n' "$wanted" "$have" | sort -V | head -n 1) == "$wanted" ]]; then return; fi
    if [[ -n $(apt-cache policy rustup 2>/dev/null | sed -n '/Candidate: [0-9]/p') ]]; then missing+=(rustup); return; fi
    hints+=("Rust $wanted or newer${have:+ (found $have)}: follow https://rustup.rs, then open a new shell")
}

need_servers() {
    need openjdk-17-jdk-headless sh -c 'grep -qs "^JAVA_VERSION=\"17" "${JAVA_HOME:-/none}/release" /usr/lib/jvm/*/release'
    need maven mvn --version
}

need_node() { # the Kuzzle SDK is driven in Node
    need nodejs node --version
    need npm npm --version
}

need_browser() { # the example is driven in Chromium; CONSIGN_TEST_BROWSER=none leaves that out
    if [[ ${CONSIGN_TEST_BROWSER:-} == none || -n ${CHROMIUM:-} ]]; then return; fi
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null; then return; fi
    done
    others+=("Without Chromium: CONSIGN_TEST_BROWSER=none ./test; one elsewhere: CHROMIUM=its/path ./test")
    if [[ -n $(apt-cache policy chromium 2>/dev/null | sed -n '/Candidate: [0-9]/p') ]]; then missing+=(chromium); return; fi
    hints+=("Chromium or Chrome: follow https://www.chromium.org/getting-involved/download-chromium")
}

# Installs what is missing, or ends with the lines to type.
requirements_met() {
    if ((${#missing[@]})) && ((EUID == 0)) && command -v apt-get >/dev/null; then
        echo "Installing with apt-get: ${missing[*]}"
        apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" && missing=()
    fi
    if ((${#missing[@]})); then hints=("sudo apt-get install -y ${missing[*]}    (on Debian or Ubuntu)" "${hints[@]}"); fi
    ((${#hints[@]})) || return 0
    echo "This needs something that is not here. Type:" >&2
    printf '  %s\n' "${hints[@]}" >&2
    if ((${#others[@]})); then printf '%s\n' "${others[@]}" >&2; fi
    return 1
}
