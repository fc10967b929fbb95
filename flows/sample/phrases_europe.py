"""Phrases in the languages of Europe: English, Spanish, Portuguese, French, German.

Data only, all of it invented. `{d}` stands for a disease, `{p}` for a place.
"""

STATEMENTS = {
    "en": """
third day in bed with {d} and the whole house is coughing
Breaking: {p} clinics report new cases of {d}, officials say
Health workers in {p} warn about {d} this week
my neighbour was tested for {d}, still waiting for the result
Does anyone else in {p} have {d} right now?
Queue at the {p} hospital goes around the block, all {d}
WARNING: boil water, wash hands, keep children with {d} at home
Ten years ago {d} closed our school in {p}. I still remember
How {d} spreads: a short thread for {p}
{d} again, second time this winter
Teacher says half the class is out with {d}
Ministry: no reason for panic over {d}, stocks are enough
Vaccination against {d} starts in {p} on Monday, bring your card
I swear if this is {d} I will scream
Two more families on our street in {p} down with {d}
""",
    "es": """
tercer día en cama con {d}, toda la casa tosiendo
Última hora: nuevos casos de {d} en {p}, según la clínica
Mi vecina tiene {d} y nadie nos dice nada
¿Alguien más en {p} con {d}?
El hospital de {p} está lleno de casos de {d}
Aviso: laven las manos, casos de {d} en la escuela
Hace diez años {d} cerró mi colegio en {p}
Campaña contra {d} en {p}, empieza el lunes
otra vez {d}, ya no puedo más
""",
    "pt": """
terceiro dia de cama com {d}, a casa toda tossindo
Urgente: novos casos de {d} em {p}, diz a secretaria
Minha vizinha pegou {d} e ninguém avisou
Mais alguém em {p} com {d}?
O posto de {p} lotado, tudo caso de {d}
Atenção: lavem as mãos, há {d} na escola
Há dez anos {d} fechou a minha escola em {p}
Vacinação contra {d} em {p}, começa segunda
de novo {d}, não aguento mais
""",
    "fr": """
troisième jour au lit avec {d}, toute la maison tousse
Flash: nouveaux cas de {d} à {p}, selon la clinique
Ma voisine a attrapé {d} et personne ne dit rien
Quelqu'un d'autre à {p} avec {d} ?
L'hôpital de {p} est plein, encore des cas de {d}
Attention: lavez-vous les mains, cas de {d} à l'école
Il y a dix ans {d} a fermé mon école à {p}
Campagne contre {d} à {p}, ça commence lundi
encore {d}, je n'en peux plus
""",
    "de": """
dritter Tag im Bett mit {d}, das ganze Haus hustet
Eilmeldung: neue Fälle von {d} in {p}, sagt die Klinik
Meine Nachbarin hat {d}, und keiner sagt etwas
Noch jemand in {p} mit {d}?
Das Krankenhaus in {p} ist voll, alles wegen {d}
Achtung: Hände waschen, {d} in der Schule
Vor zehn Jahren schloss {d} meine Schule in {p}
Impfung gegen {d} in {p}, am Montag geht es los
schon wieder {d}, ich kann nicht mehr
""",
}

CHATTER = {
    "en": """
the bus in {p} was late again, what a surprise
Best jollof in {p}, no debate
Weekend fever! who is coming to the match in {p}?
that song went viral and I still don't get it
Sunset over {p} tonight, wow
so cold in {p} this morning
new phone, who dis
Looking for a flat in {p}, two rooms, any tips?
My cat learned to open doors, we are doomed
""",
    "es": """
el metro de {p} otra vez tarde, qué sorpresa
Qué bonita está {p} hoy
¿Quién viene al partido esta noche?
busco piso en {p}, dos habitaciones
mi gato aprendió a abrir puertas
""",
    "pt": """
o ônibus de {p} atrasou de novo, que surpresa
Que pôr do sol em {p} hoje
Quem vem ao jogo hoje à noite?
procuro apartamento em {p}, dois quartos
meu gato aprendeu a abrir portas
""",
    "fr": """
le métro de {p} encore en retard, quelle surprise
Quel coucher de soleil sur {p}
Qui vient au match ce soir ?
je cherche un appartement à {p}, deux pièces
mon chat sait ouvrir les portes
""",
    "de": """
die Bahn in {p} kommt wieder zu spät, wie schön
Was für ein Abendhimmel über {p}
Wer kommt heute Abend zum Spiel?
suche Wohnung in {p}, zwei Zimmer
meine Katze kann jetzt Türen öffnen
""",
}

FEELINGS = {
    "en": """
I am so scared
this is terrible, horrible news
feeling awful and weak
I hate this so much
what a sad and painful week
worried sick about my mum
disgusting. shame on them
we lost a good friend
feeling much better now, thank you all
so happy and relieved!
great work by our brave nurses, love you
what a wonderful recovery
hope everyone stays strong and safe
best news of the day, amazing!!!
lol, not funny though
just saying
make of that what you will
please share
more at noon
see you tomorrow
""",
    "es": """
tengo mucho miedo
qué semana tan triste
qué horror
ya estoy mejor, gracias
qué alegría, por fin
ánimo a todos
por favor compartan
sin comentarios
""",
    "pt": """
estou com muito medo
que semana triste
que horror
já estou melhor, obrigado
que alegria, até que enfim
força para todos
compartilhem por favor
sem comentários
""",
    "fr": """
j'ai très peur
quelle triste semaine
quelle horreur
je vais mieux, merci
quelle joie, enfin
courage à tous
merci de partager
sans commentaire
""",
    "de": """
ich habe große Angst
was für eine traurige Woche
schrecklich
mir geht es besser, danke
was für eine Freude, endlich
Kopf hoch, alle
bitte teilen
kein Kommentar
""",
}

BIOS = {
    "en": """
Tea, trains and too many tabs.
nurse. views "mine"
Journalist, reader, sceptic
Dad of two | football | rain
data person, plant person
just here for the memes
""",
    "es": """
Café, libros y lluvia.
profe de mates
madre, corredora, curiosa
""",
    "pt": """
Praia, café e futebol.
professora, leitora
pai de três | música
""",
    "fr": """
Café, vélo, lecture.
infirmière de nuit
papa, coureur, curieux
""",
    "de": """
Kaffee, Bücher, Berge.
Lehrerin und Läuferin
meine Meinung, "nur meine"
""",
}
