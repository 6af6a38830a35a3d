/** `sluice completion`: what a shell asks to complete a line, made of the commands there are. */
import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh'] as const;
export type Shell = (typeof SHELLS)[number];

/** One way to go on: the words before it, separated by spaces, and the words that may follow. */
interface Continuation {
  readonly after: string;
  readonly words: readonly string[];
}

export function completionOf(program: Command, shell: Shell): string {
  const cases = continuations(program).map(
    ({ after, words }) => `    '${after}') words='${words.filter((word) => /^[\w-]+$/.test(word)).join(' ')}' ;;`,
  );
  return shell === 'bash' ? bash(cases) : zsh(cases);
}

function continuations(command: Command, path: readonly string[] = []): readonly Continuation[] {
  const options = command.options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long]));
  const own = {
    after: path.join(' '),
    words: [...command.commands.map((child) => child.name()), ...options, '--help'],
  };
  return [own, ...command.commands.flatMap((child) => continuations(child, [...path, child.name()]))];
}

/** The words of the line that are no options, as far as they name commands; both shells count them alike. */
const FIND = (cases: readonly string[]): string => `  local word path='' words='' candidate
  for word in "\${before[@]}"; do
    case "$word" in -*) continue ;; esac
    candidate="\${path:+$path }$word"
    case "$candidate" in
${cases.map((line) => `  ${line.replace(/\) words=.*/, ') path="$candidate" ;;')}`).join('\n')}
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac`;

const bash = (
  cases: readonly string[],
): string => `# sluice completion bash > /etc/bash_completion.d/sluice, or: source <(sluice completion bash)
_sluice() {
  local current="\${COMP_WORDS[COMP_CWORD]}"
  local before=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
${FIND(cases)}
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _sluice sluice
`;

const zsh = (cases: readonly string[]): string => `#compdef sluice
# sluice completion zsh > "\${fpath[1]}/_sluice", or: source <(sluice completion zsh)
_sluice() {
  local before=("\${words_of_line[@]}")
${FIND(cases)}
  compadd -- \${=words}
  _files
}
_sluice_line() {
  local -a words_of_line
  words_of_line=("\${(@)words[2,CURRENT-1]}")
  _sluice
}
if [ "$funcstack[1]" = "_sluice" ]; then _sluice_line; else compdef _sluice_line sluice; fi
`;
