/** Members whose name says that they hold a secret: taken for one unless their schema says otherwise. */

const WORDS =
  /(^|_)(pass(word|wd|phrase|code)?|pwd|secret|token|credentials?|authorization|api_?key|private_?key|pin|cvv2?|cvc2?|iban|ssn|card(_?number)?)($|_)/;

/** `apiKey`, `api_key`, `x-api-key` and `APIKEY` are one name. */
export const isSecretName = (name: string): boolean =>
  WORDS.test(
    name
      .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
      .replace(/[^A-Za-z0-9]+/g, '_')
      .toLowerCase(),
  );
