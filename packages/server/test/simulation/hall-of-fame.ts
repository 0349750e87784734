// Seeds of worlds that once failed, each with what it found. They run at every `npm test` and at
// the beginning of every `npm run sim`; none is ever taken out.

interface Famous {
  readonly seed: number;
  readonly found: string;
}

export const hallOfFame: readonly Famous[] = [
  {
    seed: 3_109,
    found:
      "a start whose own entries were durable, but whose projection had no room for their outputs, " +
      "ended with an exception instead of a refusal in one sentence",
  },
];
