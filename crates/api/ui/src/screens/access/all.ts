// The screens of accounts and keys as one file of the built page.

export { AccessScreen } from './access';
export { OwnScreen } from './own';
