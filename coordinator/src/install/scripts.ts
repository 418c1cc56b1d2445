/**
 * What runs on a host: fixed POSIX shell, sent to `sh -s` through standard input. Nothing is ever put into these texts; what
 * differs from host to host comes as arguments, each of them a plain word (remote-words.ts). All of a script is one function,
 * called last, so that a connection cut while the text is sent runs nothing.
 */

/** No arguments. Only looks. Prints lines of `probe KEY VALUE`, read by plan/probe.ts. */
export const probeScript = `look() {
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C
  export PATH LC_ALL
  has() { command -v "$1" >/dev/null 2>&1; }
  say() { printf 'probe %s %s\\n' "$1" "$(printf %s "$2" | tr '\\n\\r' '  ')"; }
  say begin 1
  if [ -r /etc/os-release ]; then
    say os.id "$(. /etc/os-release; printf %s "$ID")"
    say os.like "$(. /etc/os-release; printf %s "$ID_LIKE")"
    say os.name "$(. /etc/os-release; printf %s "$PRETTY_NAME")"
  fi
  say machine "$(uname -m)"
  say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
  if [ -d /run/systemd/system ]; then say init systemd; fi
  has systemctl && say systemd "$(systemctl --version | head -n 1)"
  for program in dpkg apt-get rpm dnf yum; do
    if has "$program"; then say program "$program"; fi
  done
  has dpkg-query && say deb "$(dpkg-query -W -f '\${Version} \${Status}' etcd-agent 2>/dev/null)"
  if has rpm && found=$(rpm -q --qf '%{VERSION}-%{RELEASE}\\n' etcd-agent 2>/dev/null); then say rpm "$found"; fi
  if has systemctl; then
    say unit.active "$(systemctl is-active etcd-agent.service 2>/dev/null)"
    say unit.enabled "$(systemctl is-enabled etcd-agent.service 2>/dev/null)"
  fi
  say user "$(id -un)"
  as_root=none
  if [ "$(id -u)" = 0 ]; then as_root=
  elif ! has sudo; then say root no
  elif refusal=$(sudo -n true 2>&1); then as_root='sudo -n'
  else say root "no $refusal"
  fi
  case $as_root in '') say root root ;; sudo*) say root sudo ;; esac
  if has etcd-agent && [ "$as_root" != none ]; then
    if status=$($as_root etcd-agent status -o json 2>/dev/null); then say status "$status"
    else say status.failed "it ends with an error: $($as_root etcd-agent status -o json 2>&1 >/dev/null | tail -n 3)"
    fi
  fi
  say end 1
}
look </dev/null
`;

/** Arguments: a tag. Removes what earlier runs with this tag left, makes a private directory and prints its name. */
export const makeRoomScript = `make_room() {
  umask 077
  find /var/tmp -maxdepth 1 -type d -user "$(id -u)" -name "etcd-agent-install.$1.*" -exec rm -rf {} +
  directory=$(mktemp -d "/var/tmp/etcd-agent-install.$1.XXXXXXXXXX") || exit 1
  printf 'directory %s\\n' "$directory"
}
make_room "$@" </dev/null
`;

/** Arguments: a directory of makeRoomScript. */
export const clearRoomScript = `clear_room() {
  case $1 in /var/tmp/etcd-agent-install.*) rm -rf -- "$1" ;; esac
}
clear_room "$@" </dev/null
`;

/**
 * Arguments: apt|dnf|yum, the directory, deb|rpm, the file's SHA-256, its version. As root. Installs what was copied, once it is
 * what was sent, and removes the directory. The package manager writes to a file: a connection that is cut must not
 * break it off half way.
 */
export const installScript = `install_package() {
  by=$1 directory=$2 kind=$3 sha256=$4
  version=$(printf %s "$5" | sed 's/%7e/~/g; s/%5e/^/g')
  LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  export LC_ALL DEBIAN_FRONTEND NEEDRESTART_SUSPEND
  file=$directory/etcd-agent.$kind log=$directory/log
  trap : HUP PIPE
  trap 'rm -rf -- "$directory"' EXIT
  by_apt() {
    apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \\
      -o DPkg::Lock::Timeout=120 install "$file"
  }
  # A host without a network cannot read its repositories, and has all that is needed: they are asked only where it
  # has not. Then the first try says what is missing, and the second why that cannot be had.
  by_rpm() {
    "$1" -q -y --disablerepo='*' "$2" "$file" >"$directory/without" 2>&1 && return
    "$1" -q -y "$2" "$file" >"$directory/with" 2>&1 && return
    printf '%s without repositories:\\n' "$1"; tail -n 4 "$directory/without"
    printf '%s with the repositories of this host:\\n' "$1"; tail -n 4 "$directory/with"
    return 1
  }
  found=$(sha256sum "$file" | cut -d ' ' -f 1)
  if [ "$found" != "$sha256" ]; then
    printf 'the copy is not what was sent: its SHA-256 is %s\\n' "$found"
    exit 1
  fi
  if [ "$kind" = deb ]; then inside="$(dpkg-deb -f "$file" Package) $(dpkg-deb -f "$file" Version)"
  else inside=$(rpm -qp --qf '%{NAME} %{VERSION}-%{RELEASE}' "$file" 2>/dev/null)
  fi
  if [ "$inside" != "etcd-agent $version" ]; then
    printf 'the file is not what its name says: it holds %s\\n' "$inside"
    exit 1
  fi
  case $by in
    # After a power cut apt refuses everything until dpkg has ended what it had begun.
    apt) by_apt || { grep -q 'dpkg was interrupted' "$log" &&
      dpkg --force-confdef --force-confold --configure -a; by_apt; } ;;
    dnf) by_rpm dnf install ;;
    yum) by_rpm yum localinstall ;;
  esac >"$log" 2>&1
  result=$?
  if [ "$result" -ne 0 ]; then tail -n 15 "$log"; fi
  exit "$result"
}
install_package "$@" </dev/null
`;

/** Arguments: apt|dnf|yum. As root. The newest that the host's repositories have. */
export const installFromRepositoryScript = `install_newest() {
  LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  export LC_ALL DEBIAN_FRONTEND NEEDRESTART_SUSPEND
  log=$(mktemp) || exit 1
  trap : HUP PIPE
  trap 'rm -f -- "$log"' EXIT
  if rpm -q etcd-agent >/dev/null 2>&1; then verb=upgrade; else verb=install; fi
  case $by in
    # A repository that cannot be read is named; the one that matters may be another.
    apt) apt-get -q update; apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confdef \\
      -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=120 install etcd-agent ;;
    dnf) dnf -q -y "$verb" etcd-agent ;;
    yum) yum -q -y "$verb" etcd-agent ;;
  esac >"$log" 2>&1
  result=$?
  if [ "$result" -ne 0 ]; then tail -n 15 "$log"; fi
  exit "$result"
}
by=$1
install_newest </dev/null
`;

/** No arguments. As root. */
export const enableScript = `enable() {
  systemctl enable --now etcd-agent.service 2>&1
}
enable </dev/null
`;

/** No arguments. As root. What a person needs to know about an agent that does not answer. */
export const diagnoseScript = `diagnose() {
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C
  export PATH LC_ALL
  printf 'unit %s\\n' "$(systemctl is-active etcd-agent.service 2>/dev/null)"
  if [ "$(firewall-cmd --state 2>/dev/null)" = running ]; then printf 'firewall firewalld\\n'
  elif ufw status 2>/dev/null | grep -q '^Status: active'; then printf 'firewall ufw\\n'
  elif nft list ruleset 2>/dev/null | grep -q 'hook input'; then printf 'firewall nftables\\n'
  elif iptables -S INPUT 2>/dev/null | grep -Eq 'DROP|REJECT'; then printf 'firewall iptables\\n'
  fi
  journalctl -u etcd-agent.service -n 3 -o cat --no-pager 2>/dev/null | cut -c 1-300 | sed 's/^/log /'
}
diagnose </dev/null
`;
