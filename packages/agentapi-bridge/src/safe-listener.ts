/**
 * A listener that fails harms nobody but itself.
 *
 * The rule: what somebody does with the news of an end must not keep the end from coming.
 */

export const safeListener =
  <News>(listener: ((news: News) => void) | undefined): ((news: News) => void) =>
  (news) => {
    try {
      listener?.(news);
    } catch {
      // It is theirs, and whoever it is about must still be ended.
    }
  };
