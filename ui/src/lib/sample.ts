// The sample bag: people who do not exist, behind a passphrase that everybody may know.

/** The label by which the lock screen knows the sample bag. */
export const SAMPLE_LABEL = "Sample bag";
export const SAMPLE_PERSON = "Amara Okafor";
export const SAMPLE_PASSPHRASE = "look around in the sample bag";
