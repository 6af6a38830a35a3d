/** `--help` of a program that npm runs. */

/** Prints how it is called and ends the process, where that is asked for; call it before anything is begun. */
export function tellUsage(usage: string): void {
  if (!process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) return;
  console.log(usage);
  process.exit();
}
