// One record for each of a run of users, so that no meter is empty. It goes with workload.ts, whose
// users are drawn by chance and leave many out.
import { type Batch, userIdOf } from "./workload.ts";

const thousandths = 1_500;

/** Users `first` to `first + count - 1`; `name` must be new for each time round. */
export function touch(name: string, first: number, count: number): Batch {
  const users = Uint32Array.from({ length: count }, (_, index) => first + index);
  const texts = Array.from(
    users,
    (user) =>
      `{"id":"${name}-${user}","userId":"${userIdOf(user)}","value":${thousandths / 1_000},` +
      `"model":"model-${user % 8}","region":"region-${user % 4}","session":"s-${user % 1_000}"}`,
  );
  return {
    body: Buffer.from(`[${texts.join(",")}]`),
    users,
    thousandths: new Uint32Array(count).fill(thousandths),
  };
}
