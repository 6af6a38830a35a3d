/** Which saga a pipeline's handle is; undefined where it is none. */
export function sagaNameOf(handle: object): string | undefined {
  if (!('saga' in handle) || typeof handle.saga !== 'object' || handle.saga === null) return undefined;
  return 'name' in handle.saga ? String(handle.saga.name) : undefined;
}
