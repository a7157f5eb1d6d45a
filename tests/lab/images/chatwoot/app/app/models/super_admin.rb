# A user with type 'SuperAdmin'. By itself this gives no account (facts 7).
class SuperAdmin < User
end
