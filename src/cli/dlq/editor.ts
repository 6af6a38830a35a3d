/** The person's own editor, on their terminal. */
import { spawn } from 'node:child_process';
import { ownEnvironment } from '../../config.ts';

/** What a shell ends with whose command is not there, or cannot be run. */
const NOT_FOUND = [126, 127];

/** What would be opened; undefined where neither variable names anything. */
export function namedEditor(): string | undefined {
  const { VISUAL, EDITOR } = ownEnvironment();
  return VISUAL || EDITOR || undefined;
}

/** The shell knows VISUAL and EDITOR, which may hold options, and takes them apart as everybody expects. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
const COMMAND = 'exec ${VISUAL:-${EDITOR:-vi}} "$1"';

/** Opens the file and waits until the editor ends. @returns what went wrong, if anything did. */
export function openEditor(file: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const editor = spawn('sh', ['-c', COMMAND, 'sh', file], { stdio: 'inherit' });
    editor.once('error', (error) => resolve(`no editor could be started: ${error.message}`));
    editor.once('close', (code, signal) => {
      if (code === 0) resolve(undefined);
      else if (code !== null && NOT_FOUND.includes(code))
        resolve(`the editor ${namedEditor() ?? 'vi'} cannot be run; set VISUAL or EDITOR to one that can`);
      else resolve(`the editor ended with ${code === null ? signal : `exit code ${code}`}`);
    });
  });
}
