/** The ways a call can take, by what an author does to the axios instance of its API. */
import type { AxiosInstance } from 'axios';

export const lanes: Readonly<Record<string, (instance: AxiosInstance) => void>> = {
  'the fast lane': () => {},
  'the fast lane behind interceptors': ({ interceptors }) => {
    interceptors.request.use((config) => config);
    interceptors.response.use((response) => response);
  },
  // A default the fast lane does not know.
  'axios itself': ({ defaults }) => {
    defaults.timeout = 60_000;
  },
};
