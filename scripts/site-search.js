/** Runs on each page of the site: what somebody types into the search is words. Its index has a language of its own, in which `:`, `^` and `~` are errors. */
const field = document.getElementById('tsd-search-input');
const typed = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value');
if (field !== null)
  Object.defineProperty(field, 'value', {
    get: () =>
      typed.get
        .call(field)
        .replaceAll(': ', ' – ')
        .replace(/[:^~*+]/g, ' '),
    set: (value) => typed.set.call(field, value),
  });
