/** The error that an attempt fails with, where that is what is asked for. */
export async function rejectionOf(attempt: () => unknown): Promise<Error> {
  try {
    await attempt();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('nobody refused');
}
