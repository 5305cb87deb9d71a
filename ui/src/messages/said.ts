// Sentences that the vault and the centre say in English, and what they are in other languages. The
// English side is word for word what the program says; `{n}` stands for a number, `{…}` for a text.

/** English, German. A text that may itself be one of these sentences is called `{why}`. */
export const SAID: readonly [string, string][] = [
  // What synchronizing did.
  ["Joined {organization}.", "{organization} beigetreten."],
  ["Opened with the recovery code.", "Mit dem Wiederherstellungscode geöffnet."],
  ["{title} left this computer ({n} records). {why}", "{title} hat diesen Computer verlassen ({n} Datensätze). {why}"],
  ["{n} changes were not accepted and are kept for you to look at.", "{n:Änderung wurde|Änderungen wurden} nicht angenommen und für Sie aufgehoben."],
  ["The centre was put back to an earlier state. What it may have lost is sent again.", "Die Zentrale wurde auf einen früheren Stand zurückgesetzt. Was ihr fehlen kann, wird noch einmal gesendet."],
  ["The centre lacks earlier entries; they are sent again.", "Der Zentrale fehlen frühere Einträge; sie werden noch einmal gesendet."],
  ["The centre takes this computer for a copy of another one. It has to join anew.", "Die Zentrale hält diesen Computer für die Kopie eines anderen. Er muss neu beitreten."],
  ["Away for longer than the centre keeps its log: everything is fetched anew.", "Länger fort, als die Zentrale ihr Protokoll aufhebt: Alles wird neu geholt."],
  ["A change that the centre did not accept was given up: {why}", "Eine Änderung, die die Zentrale nicht annahm, wurde aufgegeben: {why}"],
  ["A change that the centre had not accepted is sent again.", "Eine Änderung, die die Zentrale nicht annahm, wird noch einmal gesendet."],
  ["A change that the centre had not accepted was changed and is sent again.", "Eine Änderung, die die Zentrale nicht annahm, wurde geändert und wird noch einmal gesendet."],
  // Why something left.
  ["Your right to these records has ended.", "Ihr Recht an diesen Datensätzen hat geendet."],
  ["They are kept at the centre, and this computer may not hold them.", "Sie liegen in der Zentrale, und dieser Computer darf sie nicht halten."],
  ["The centre does not give these records to you any more.", "Die Zentrale gibt Ihnen diese Datensätze nicht mehr."],
  // Why a change was put aside.
  ["You have no right to this record, or not any more. Ask an administrator of your organization for it, then send it again.", "Sie haben kein Recht an diesem Datensatz, oder nicht mehr. Bitten Sie die Verwaltung Ihrer Organisation darum, und senden Sie dann noch einmal."],
  ["The right of this computer has ended. What it wrote since is kept and is shown to your organization.", "Das Recht dieses Computers hat geendet. Was er seither schrieb, ist aufgehoben und wird Ihrer Organisation gezeigt."],
  ["It is not said to whom this {kind} belongs. Fill in whom it is about, and send it again.", "Es fehlt, zu wem dies gehört ({kind}). Tragen Sie ein, um wen es geht, und senden Sie noch einmal."],
  ["The centre cannot keep this as it is. Export it, and enter it anew.", "So kann die Zentrale dies nicht aufbewahren. Schreiben Sie es in eine Datei, und geben Sie es neu ein."],
  ["This names an organization that your centre does not know. Choose your own organization or none, and send it again.", "Dies nennt eine Organisation, die Ihre Zentrale nicht kennt. Wählen Sie Ihre eigene oder keine, und senden Sie noch einmal."],
  ["This changes more at once than can be passed on. Do it in smaller steps.", "Das ändert mehr auf einmal, als weitergegeben werden kann. Gehen Sie in kleineren Schritten vor."],
  ["This was written by somebody else than the person this computer belongs to.", "Dies schrieb jemand anderes als die Person, der dieser Computer gehört."],
  ["This was written for another organization.", "Dies wurde für eine andere Organisation geschrieben."],
  ["The centre waits for something that this change builds on.", "Die Zentrale wartet auf etwas, worauf diese Änderung aufbaut."],
  ["The record that this changes is not here any more.", "Der Datensatz, den dies ändert, ist nicht mehr hier."],
  // Joining.
  ["This is not a link to join a centre. It begins with gladstone://join and comes from whoever invited you.", "Das ist kein Link zu einer Zentrale. Er beginnt mit gladstone://join und kommt von der Person, die Sie einlädt."],
  ["This is not the address of a centre. An address looks like https://centre.example:8470.", "Das ist nicht die Adresse einer Zentrale. Eine Adresse sieht aus wie https://centre.example:8470."],
  ["The address has to begin with https://; without it everybody on the way could read along.", "Die Adresse muss mit https:// beginnen; sonst könnten alle unterwegs mitlesen."],
  ["The link holds no code. Ask for a new invitation.", "Der Link enthält keinen Code. Bitten Sie um eine neue Einladung."],
  ["The certificate in the link cannot be read. Ask for a new invitation.", "Das Zertifikat im Link lässt sich nicht lesen. Bitten Sie um eine neue Einladung."],
  ["This code is not good, or not any more. Ask for a new one.", "Dieser Code gilt nicht, oder nicht mehr. Bitten Sie um einen neuen."],
  ["This code is for somebody else than the person these records belong to. Ask for a code of your own, or join with a new vault.", "Dieser Code ist für jemand anderes als die Person, der diese Datensätze gehören. Bitten Sie um einen eigenen Code, oder treten Sie mit einer neuen Tasche bei."],
  ["This computer is known to a centre already, or its right has ended. Ask an administrator, or join with a new vault.", "Dieser Computer ist einer Zentrale schon bekannt, oder sein Recht hat geendet. Fragen Sie die Verwaltung, oder treten Sie mit einer neuen Tasche bei."],
  ["The organization knows you already. Ask for a code that is made out to you.", "Die Organisation kennt Sie schon. Bitten Sie um einen Code, der auf Sie ausgestellt ist."],
  ["Type the code of the invitation.", "Geben Sie den Code der Einladung ein."],
  ["The centre cannot be reached, or does not prove that it is the one that invited you. Check network and address, then try again. With an address typed by hand, use the link if there is one: it also carries the centre’s certificate.", "Die Zentrale ist nicht zu erreichen oder beweist nicht, dass sie es ist, die Sie einlädt. Prüfen Sie Netz und Adresse, und versuchen Sie es noch einmal. Gibt es einen Link, nehmen Sie ihn statt der getippten Adresse: Er bringt auch das Zertifikat der Zentrale mit."],
  ["Something else than the centre answers there, perhaps the sign-in page of a guest network. Sign in to that network with a browser, or check the address, then try again.", "Dort antwortet etwas anderes als die Zentrale, vielleicht die Anmeldeseite eines Gastnetzes. Melden Sie sich mit einem Browser bei diesem Netz an, oder prüfen Sie die Adresse, und versuchen Sie es noch einmal."],
  ["The centre has much to do just now. Try again in a minute.", "Die Zentrale hat gerade viel zu tun. Versuchen Sie es in einer Minute noch einmal."],
  // Deciding about a change.
  ["Say why this change is given up.", "Schreiben Sie, warum Sie diese Änderung aufgeben."],
  ["This change is not one that the centre put aside.", "Diese Änderung hat die Zentrale nicht beiseite gelegt."],
  ["There is no such change.", "Diese Änderung gibt es nicht."],
  ["There is no such folder. Name one that is there, for example /media/stick.", "Diesen Ordner gibt es nicht. Nennen Sie einen, den es gibt, zum Beispiel /media/stick."],
  ["The {kind} that this changes is not on this computer any more. Send it again as it is once you have the right to it, or give it up.", "Was dies ändert ({kind}), ist nicht mehr auf diesem Computer. Senden Sie es unverändert, sobald Sie das Recht daran haben, oder geben Sie es auf."],
  ["This was decided already. Look at it among the decided ones.", "Das ist schon entschieden. Sie finden es unter den entschiedenen."],
  ["Write the value that shall count.", "Schreiben Sie den Wert, der gelten soll."],
  // The time without contact.
  ["Say why these records have to be read now; whoever runs the centre will look at it.", "Schreiben Sie, warum diese Datensätze jetzt gelesen werden müssen; wer die Zentrale betreibt, sieht es sich an."],
  ["This computer was without contact to the centre for too long. New records can be written; to read earlier ones, synchronize, or break the glass for one person.", "Dieser Computer war zu lange ohne Kontakt zur Zentrale. Neues lässt sich schreiben; um Früheres zu lesen, gleichen Sie ab, oder öffnen Sie es im Notfall für eine Person."],
  ["This computer was without contact to the centre for too long, and the vault is locked. Synchronize, or open it with the recovery code. Nothing was deleted.", "Dieser Computer war zu lange ohne Kontakt zur Zentrale, und die Tasche ist gesperrt. Gleichen Sie ab, oder öffnen Sie sie mit dem Wiederherstellungscode. Nichts wurde gelöscht."],
  ["The centre cannot be reached.", "Die Zentrale ist nicht zu erreichen."],
];
