# Completion of ./retail for zsh. The launcher prints what the last of these words may become.
_retail() {
    local -a found
    found=(${(f)"$(${~words[1]} --words "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    compadd -a found || _files
}
compdef _retail retail
