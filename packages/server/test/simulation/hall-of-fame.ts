// Seeds of worlds that once failed, each with what it found. They run at every `npm test` and at
// the beginning of every `npm run sim`; none is ever taken out.

export interface Famous {
  readonly seed: number;
  readonly found: string;
}

export const hallOfFame: readonly Famous[] = [];
