# Completion of ./retail for bash. The launcher prints what the last of these words may become.
_retail() {
    local launcher=${COMP_WORDS[0]/#\~/$HOME} current=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=($(compgen -W "$("$launcher" --words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "$current"))
}
complete -o default -F _retail retail
