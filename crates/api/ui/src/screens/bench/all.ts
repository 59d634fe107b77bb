// The process engineer's screens as one file of the built page.

export { ExploreScreen } from './explore';
export { ReviewScreen } from './review';
export { RulesScreen } from './rules';
