"""The conversations of a demo account: scenes of several trades, each a script between two roles.

A line is (speaker, text). Speaker 0 is the customer, 1 the other role, and None the service itself, whose messages have
no inbound leg. SLOTS replace the braces, the same for a whole scene. Each word of a slot must fit in every line that
uses the slot: a thing is singular and has its article, a price is in dollars.
"""

from typing import NamedTuple

Line = tuple[int | None, str]

SLOTS: dict[str, tuple[str, ...]] = {
    "minutes": ("2", "3", "5", "7", "10", "15", "20", "25"),
    "hour": ("8:30", "9:15", "11:00", "1 pm", "2:45", "4 pm", "6:30", "7 pm"),
    "day": ("today", "tomorrow", "on Friday", "on Saturday", "next Tuesday"),
    "street": ("Harbour Street", "Mill Lane", "5th Avenue", "Rue des Écoles", "Lindenstraße", "Ocean Drive"),
    "landmark": ("the pharmacy", "the blue gate", "the bus stop", "the main entrance", "the fountain", "the café"),
    "floor": ("ground floor", "2nd floor", "3rd floor", "5th floor", "top floor"),
    "item": ("the charger", "the umbrella", "the black backpack", "the camera", "the blue suitcase", "the blender"),
    "dish": ("the ramen", "the margherita", "the salad", "the green curry", "the garlic bread", "the tiramisù"),
    "price": ("15", "20", "35", "40", "60", "85", "120"),
    "code": ("4711", "2580", "9034", "1122", "7350"),
    "car": ("a white Corolla", "a grey Golf", "a red Clio", "a black Model 3", "a silver Prius"),
    "emoji": ("🙂", "👍", "🙏", "😅", "🎉"),
}


class Trade(NamedTuple):
    """A kind of business: its name, its two roles, and its scenes."""

    name: str
    roles: tuple[str, str]
    scenes: tuple[tuple[Line, ...], ...]


TRADES: tuple[Trade, ...] = (
    Trade(
        "rides",
        ("Rider", "Driver"),
        (
            (
                (None, "Your driver is on the way in {car} and will be there in {minutes} minutes."),
                (1, "Hi, I'm turning into {street} now. Where exactly are you?"),
                (0, "In front of {landmark}, I'm waving {emoji}"),
                (1, "I see {landmark}. I'm on the other side, hazard lights on."),
                (0, "Coming over, one moment"),
                (1, "Take your time, I can wait {minutes} minutes here."),
                (0, "Thanks! I have just one suitcase."),
            ),
            (
                (0, "Hello, I think I left {item} on the back seat."),
                (1, "Let me look when I stop. Which side did you sit on?"),
                (0, "Right side, behind you."),
                (1, "Found {item}! I can bring it to you {day} around {hour}."),
                (0, "That would be wonderful. I live on {street}, on the {floor}."),
                (1, "OK. The app adds a return fee of ${price}, just so you know."),
                (0, "Of course, you saved my week {emoji}"),
            ),
        ),
    ),
    Trade(
        "deliveries",
        ("Customer", "Courier"),
        (
            (
                (None, "Your order has left the kitchen and will be at your door in {minutes} minutes."),
                (1, "Hi, I have your order. Is it the {floor}?"),
                (0, "Yes, the {floor}. The door code is {code}."),
                (1, "Thanks. The lift is out, so {minutes} more minutes {emoji}"),
                (0, "No problem! Could you leave it by the door?"),
                (1, "Done. It's on the mat. Enjoy!"),
                (0, "Got it, thank you! But {dish} is missing, I think."),
                (1, "Sorry! I'll tell the kitchen; they will refund you for {dish}."),
                (None, "We have refunded ${price} to your card."),
            ),
            (
                (1, "I'm on {street}, but nobody answers the bell."),
                (0, "Sorry, I was in the shower. Down in a minute."),
                (1, "I can wait, but not longer than {minutes} minutes."),
                (0, "Could you hand it to the neighbour on the {floor}?"),
                (1, "They took it. Have a nice evening {emoji}"),
            ),
        ),
    ),
    Trade(
        "stays",
        ("Guest", "Host"),
        (
            (
                (None, "Your booking is confirmed. You and your host can now call and text each other."),
                (0, "Hi! We'd arrive {day} around {hour}. Would that work?"),
                (1, "Perfect. Check-in is open all day; the key box code is {code}."),
                (0, "Great. Is there somewhere to park near {landmark}?"),
                (1, "Yes, on {street}, free after 6 pm and at weekends."),
                (0, "And how do we switch on the heating?"),
                (1, "The panel is behind the door on the {floor}. Turn it to 2 and give it {minutes} minutes."),
                (0, "It works, and the place is lovely {emoji}"),
            ),
            (
                (0, "Good morning, could we check out at {hour} instead of 10?"),
                (1, "Nobody arrives after you, so that is fine."),
                (0, "We'd like to leave {item} here until the evening, if we may."),
                (1, "Sure, just leave it in the hall."),
                (0, "Thank you for everything. We'd love to come back."),
                (None, "How was your stay? Your review helps other guests."),
            ),
        ),
    ),
    Trade(
        "market",
        ("Buyer", "Seller"),
        (
            (
                (0, "Hello, is {item} still for sale?"),
                (1, "It is. Would you like to see it {day}?"),
                (0, "Yes, {hour} would suit me. Would you take ${price}?"),
                (1, "I was hoping for a little more, but for ${price} in cash it's yours."),
                (0, "Deal {emoji} Where shall we meet?"),
                (1, "At {landmark} on {street}. I'll wear a yellow jacket."),
                (0, "I'm running {minutes} minutes late, sorry!"),
                (1, "No worries, I'm having a coffee."),
            ),
            (
                (1, "Hi, your payment of ${price} has arrived. I'll post {item} {day}."),
                (0, "Thanks! Could you insure it, please?"),
                (1, 'Of course. The receipt says "fragile" in big letters.'),
                (0, "It has arrived, well packed. Five stars {emoji}"),
                (None, "Both of you have confirmed the sale. This conversation closes in 7 days."),
            ),
        ),
    ),
    Trade(
        "repairs",
        ("Resident", "Technician"),
        (
            (
                (None, "A technician has been booked for you {day} at {hour}."),
                (1, "Good morning, I'll be with you in about {minutes} minutes."),
                (0, "Good. It's the boiler again: error {code} and no hot water."),
                (1, "Sounds like the pump. Please switch it off until I'm there."),
                (0, "Done. Ring the bell on the {floor}; the one by the entrance is broken too {emoji}"),
                (1, "I need a part that I'd have to order. It would be about ${price}. Is that all right?"),
                (0, "Go ahead, please."),
                (1, "Then I'll be back next week to fit it."),
                (0, "Thank you for being so quick."),
            ),
        ),
    ),
)
